{{ config(enabled=var('databuddy__using_daily_summary', false)) }}

select
    days.*,
    {{ week_of('days.date') }} as week,
    {{ month_of('days.date') }} as month,
    days.state = 'final' as is_final,
    days.state in ('final', 'may grow') as is_comparable
from {{ ref('stg_databuddy__daily_summary') }} as days
