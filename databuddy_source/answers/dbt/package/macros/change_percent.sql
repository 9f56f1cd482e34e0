{# How much a number changed, in per cent of the one before; null where either is not known. #}
{% macro change_percent(now, before) -%}
    100.0 * ({{ now }} - {{ before }}) / nullif({{ before }}, 0)
{%- endmacro %}
