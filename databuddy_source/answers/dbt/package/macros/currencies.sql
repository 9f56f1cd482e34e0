{# How many currencies there are where something was paid. One that is not known is one of its own. #}
{% macro currencies(currency, amount) -%}
count(distinct case when {{ amount }} <> 0 then coalesce({{ currency }}, 'not known') end)
{%- endmacro %}
