{# When the newest window of a report ended that is over and known: what freshness is measured by.
   Where none is over yet, when the first one began. #}
{% macro newest_finished(table, report) %}
select coalesce(
    max(case
        when status = 'complete' and coalesce(checked_at, fetched_at) >= window_end then window_end
    end),
    min(window_start)
)
from {{ table.incorporate(path={'identifier': 'coverage'}) }}
where report = '{{ report }}'
{% endmacro %}
