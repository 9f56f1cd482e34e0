{{ config(enabled=var('databuddy__using_cell_states', false)) }}

with states as (
    select
        website_id,
        report,
        grain,
        min(date) as first_date,
        max(date) as last_date,
        count(*) as windows,
        {% for state in ['final', 'may grow', 'running', 'truncated', 'suspect', 'failed', 'missing'] -%}
        sum(case when state = '{{ state }}' then 1 else 0 end) as {{ state | replace(' ', '_') }},
        {% endfor -%}
        max(case when state in ('final', 'may grow') then window_end end) as known_until
    from {{ ref('stg_databuddy__cell_states') }}
    group by website_id, report, grain
),

loaded as (
    select
        website_id,
        report,
        sum({{ quoted('rows') }}) as recorded_rows,
        max(coalesce(checked_at, fetched_at)) as checked_at
    from {{ ref('stg_databuddy__coverage') }}
    group by website_id, report
)

select
    states.*,
    websites.domain,
    loaded.recorded_rows,
    loaded.checked_at
from states
left join {{ ref('stg_databuddy__websites') }} as websites on states.website_id = websites.id
left join loaded on states.website_id = loaded.website_id and states.report = loaded.report
