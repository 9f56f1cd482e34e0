{# No window is in this state. A warning, and no error: other windows are as good as ever, and the
   next sync, or `databuddy-source heal`, asks again. #}
{% test no_cell_is(model, state) %}
{{ config(severity='warn') }}
select website_id, report, grain, date, reason
from {{ model }}
where state = '{{ state }}'
{% endtest %}
