{# What metrics are made of: the rows of a report, each with whether its window is not known, and a
   row of nulls for each such window that has none. #}
{% macro measured(staging, report, columns) %}
with states as (
    select
        website_id,
        date,
        max(case when {{ known('state') }} then 0 else 1 end) as is_unknown
    from {{ ref('stg_databuddy__cell_states') }}
    where report = '{{ report }}'
    group by website_id, date
)

select
    {% for name in columns -%}
    {%- if name in ('website_id', 'date') -%}
    coalesce(found.{{ name }}, states.{{ name }}) as {{ name }},
    {%- else -%}
    found.{{ quoted(name) }},
    {%- endif %}
    {% endfor -%}
    coalesce(states.is_unknown, 1) as is_unknown
from {{ ref(staging) }} as found
full outer join states on found.website_id = states.website_id and found.date = states.date
where found.website_id is not null or states.is_unknown = 1
{% endmacro %}
