{# The first day of the month of a date. #}
{% macro month_of(date) %}cast({{ dbt.date_trunc('month', date) }} as date){% endmacro %}
