{# When the newest window of a report ended that is over and known: what freshness is measured by. #}
{% macro newest_finished(table, report) %}
select max(window_end)
from {{ table.incorporate(path={'identifier': 'coverage'}) }}
where report = '{{ report }}' and status = 'complete'
    and coalesce(checked_at, fetched_at) >= window_end
{% endmacro %}
