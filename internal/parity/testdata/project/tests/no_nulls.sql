select * from {{ ref('customers') }} where id is null
