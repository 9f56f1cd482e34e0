{# Whether the numbers of a window in this state are to be believed: they are those of the server, as
   far as the window has come. #}
{% macro known(state) %}{{ state }} in ('final', 'may grow', 'running'){% endmacro %}
