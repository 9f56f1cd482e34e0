{{ config(enabled=var('databuddy__using_top_pages', false)) }}

with states as (
    select
        website_id,
        date,
        max(case when report = 'top_pages' then state end) as state,
        max(case when report = 'slow_pages' then state end) as timed_state
    from {{ ref('stg_databuddy__cell_states') }}
    where report in ('top_pages', 'slow_pages')
    group by website_id, date
)

select
    pages.website_id,
    websites.domain,
    pages.date,
    states.state,
    pages.{{ quoted('name') }} as page,
    case when {{ known('states.state') }} then pages.pageviews end as pageviews,
    case when {{ known('states.state') }} then pages.visitors end as visitors,
    {% if var('databuddy__using_slow_pages', false) -%}
    case when {{ known('states.timed_state') }} then timed.avg_load_time end as load_time_ms,
    case when {{ known('states.timed_state') }} then timed.pageviews end as timed_pageviews
    {%- else -%}
    cast(null as {{ dbt.type_float() }}) as load_time_ms,
    cast(null as {{ dbt.type_bigint() }}) as timed_pageviews
    {%- endif %}
from {{ ref('stg_databuddy__top_pages') }} as pages
inner join {{ ref('stg_databuddy__websites') }} as websites on pages.website_id = websites.id
left join states on pages.website_id = states.website_id and pages.date = states.date
{% if var('databuddy__using_slow_pages', false) -%}
left join {{ ref('stg_databuddy__slow_pages') }} as timed
    on pages.website_id = timed.website_id
    and pages.date = timed.date
    and pages.{{ quoted('name') }} = timed.{{ quoted('name') }}
{%- endif %}
