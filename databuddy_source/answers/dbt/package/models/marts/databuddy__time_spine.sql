{{ config(enabled=var('databuddy__using_cell_states', false)) }}

select distinct date as date_day
from {{ ref('stg_databuddy__cell_states') }}
where grain = 'day'
