{# The name of a column as the warehouse spells it. Some names of the API are reserved words. #}
{% macro quoted(name) %}{{ return(adapter.dispatch('quoted', 'databuddy')(name)) }}{% endmacro %}

{% macro default__quoted(name) %}{{ return(adapter.quote(name)) }}{% endmacro %}

{% macro snowflake__quoted(name) %}{{ return(adapter.quote(name | upper)) }}{% endmacro %}
