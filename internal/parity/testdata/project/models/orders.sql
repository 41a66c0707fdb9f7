select 1 as id, id as customer_id, 10 as amount, current_date as ordered_at from {{ ref('customers') }}
