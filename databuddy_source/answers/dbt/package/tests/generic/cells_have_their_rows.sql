{# No cell of which coverage says that rows were loaded is without any. #}
{% test cells_have_their_rows(model, report) %}
select coverage.website_id, coverage.date, sum(coverage.{{ quoted('rows') }}) as recorded
from {{ ref('stg_databuddy__coverage') }} as coverage
left join (select distinct website_id, date from {{ model }}) as there
    on coverage.website_id = there.website_id and coverage.date = there.date
where coverage.report = '{{ report }}' and coverage.{{ quoted('rows') }} > 0
    and there.website_id is null
group by coverage.website_id, coverage.date
{% endtest %}
