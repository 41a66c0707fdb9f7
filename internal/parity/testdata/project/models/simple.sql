{{ config(labels=['p', 'q'], pairs={'k': ['v', 'w']}, switch=True, word='x') }}
select 1 as id from {{ ref('customers') }}
