{% macro positive(column) %}{{ above(column, 0) }}{% endmacro %}

{% macro above(column, bound) %}{{ column }} > {{ bound }}{% endmacro %}

{% macro unused() %}1{% endmacro %}

{% test is_positive(model, column_name) %}select * from {{ model }} where {{ column_name }} <= 0{% endtest %}
