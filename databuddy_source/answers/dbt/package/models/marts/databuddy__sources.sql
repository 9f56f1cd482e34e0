{{ config(enabled=var('databuddy__using_utm_sources', false)) }}
{% set with_revenue = var('databuddy__using_revenue_by_utm_source', false) %}

with visits as (
    select website_id, date, {{ quoted('name') }} as source, pageviews, visitors
    from {{ ref('stg_databuddy__utm_sources') }}
),

{% if with_revenue -%}
payments as (
    select
        website_id,
        date,
        {{ quoted('name') }} as source,
        sum(transactions) as transactions,
        case when {{ currencies('currency', 'revenue') }} <= 1 then sum(revenue) end as revenue,
        case when {{ currencies('currency', 'revenue') }} <= 1 then max(currency) end as currency
    from {{ ref('stg_databuddy__revenue_by_utm_source') }}
    group by website_id, date, {{ quoted('name') }}
),

-- payments without a source have a row of their own, which page views do not have
rows_of_both as (
    select distinct website_id, date, source
    from (
        select website_id, date, source from visits
        union all
        select website_id, date, source from payments
    ) as both_of_them
),
{%- else -%}
rows_of_both as (select website_id, date, source from visits),
{%- endif %}

states as (
    select
        website_id,
        date,
        max(case when report = 'utm_sources' then state end) as state,
        max(case when report = 'revenue_by_utm_source' then state end) as revenue_state
    from {{ ref('stg_databuddy__cell_states') }}
    where report in ('utm_sources', 'revenue_by_utm_source')
    group by website_id, date
)

select
    found.website_id,
    websites.domain,
    found.date,
    states.state,
    states.revenue_state,
    found.source,
    case when {{ known('states.state') }} then visits.pageviews end as pageviews,
    case when {{ known('states.state') }} then visits.visitors end as visitors,
    {% if with_revenue -%}
    case when {{ known('states.revenue_state') }} then payments.transactions end as transactions,
    case when {{ known('states.revenue_state') }} then payments.revenue end as revenue,
    case when {{ known('states.revenue_state') }} then payments.currency end as currency
    {%- else -%}
    cast(null as {{ dbt.type_bigint() }}) as transactions,
    cast(null as {{ dbt.type_float() }}) as revenue,
    cast(null as {{ dbt.type_string() }}) as currency
    {%- endif %}
from rows_of_both as found
inner join {{ ref('stg_databuddy__websites') }} as websites on found.website_id = websites.id
left join states on found.website_id = states.website_id and found.date = states.date
left join visits
    on found.website_id = visits.website_id
    and found.date = visits.date
    and found.source = visits.source
{% if with_revenue -%}
left join payments
    on found.website_id = payments.website_id
    and found.date = payments.date
    and found.source = payments.source
{%- endif %}
