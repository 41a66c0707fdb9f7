{{ config(materialized=env_var('MATERIALIZED', 'view')) }}
select 1 as id
