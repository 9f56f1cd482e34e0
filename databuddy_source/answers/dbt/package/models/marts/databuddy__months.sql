{{ config(enabled=var('databuddy__using_monthly_summary', false)) }}

select
    months.*,
    months.state = 'final' as is_final,
    {{ change_percent('pageviews', 'pageviews_before') }} as pageviews_change_percent,
    {{ change_percent('visitors', 'visitors_before') }} as visitors_change_percent,
    {{ change_percent('sessions', 'sessions_before') }} as sessions_change_percent
from {{ ref('stg_databuddy__monthly_summary') }} as months
