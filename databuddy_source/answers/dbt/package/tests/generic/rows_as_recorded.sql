{# Days that have rows have as many as coverage says. Rows of a website that is not there are found
   by another test, and so are days without any row. #}
{% test rows_as_recorded(model, report) %}
with recorded as (
    select website_id, date, sum({{ quoted('rows') }}) as recorded
    from {{ ref('stg_databuddy__coverage') }}
    where report = '{{ report }}'
    group by website_id, date
),

counted as (
    select website_id, date, count(*) as counted
    from {{ model }}
    group by website_id, date
)

select counted.website_id, counted.date, recorded.recorded, counted.counted
from counted
inner join {{ ref('stg_databuddy__websites') }} as websites on counted.website_id = websites.id
left join recorded
    on counted.website_id = recorded.website_id and counted.date = recorded.date
where counted.counted <> coalesce(recorded.recorded, 0)
{% endtest %}
