{{ config(tags=['a', 'b'], custom=['x', 1, true], nested={'k': 'v', 'n': none}) }}
select 1 as id from {{ ref('customers') }}
