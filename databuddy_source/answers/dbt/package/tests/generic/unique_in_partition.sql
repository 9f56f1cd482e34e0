{# The columns of the key are together different in each row. #}
{% test unique_in_partition(model, key) %}
select
    {% for name in key %}{{ quoted(name) }}, {% endfor %}
    count(*) as copies
from {{ model }}
group by {% for name in key %}{{ quoted(name) }}{{ ', ' if not loop.last }}{% endfor %}
having count(*) > 1
{% endtest %}
