{# The first day of the week of a date, as the weekly reports cut weeks: see `databuddy_weeks`. #}
{% macro week_of(date) %}
    {{- return(adapter.dispatch('week_of', 'databuddy')(date, var('databuddy_weeks'))) -}}
{% endmacro %}

{% macro default__week_of(date, begins) -%}
    cast({{ date }} as date) - cast(
        {%- if begins == 'sunday' %} extract(dow from {{ date }})
        {%- else %} extract(isodow from {{ date }}) - 1
        {%- endif %} as integer)
{%- endmacro %}

{% macro bigquery__week_of(date, begins) -%}
    date_trunc({{ date }}, {{ 'week(sunday)' if begins == 'sunday' else 'isoweek' }})
{%- endmacro %}

{% macro snowflake__week_of(date, begins) -%}
    dateadd(day, -
        {%- if begins == 'sunday' %} mod(dayofweekiso({{ date }}), 7)
        {%- else %} (dayofweekiso({{ date }}) - 1)
        {%- endif %}, {{ date }})
{%- endmacro %}
