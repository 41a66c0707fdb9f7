{{ config(materialized='table') }}
select current_date as day
