{{ config(enabled=var('databuddy__using_cell_states', false)) }}

with windows as (
    select distinct date, grain
    from {{ ref('stg_databuddy__cell_states') }}
),

numbers as (
    {% for number in range(31) -%}
    select {{ number }} as number{{ ' union all' if not loop.last }}
    {% endfor -%}
),

days as (
    select
        windows.date,
        windows.grain,
        cast({{ dbt.dateadd('day', 'numbers.number', 'windows.date') }} as date) as date_day
    from windows
    inner join numbers
        on numbers.number < case windows.grain when 'month' then 31 when 'week' then 7 else 1 end
)

select distinct date_day
from days
where grain <> 'month' or {{ month_of('date_day') }} = date
