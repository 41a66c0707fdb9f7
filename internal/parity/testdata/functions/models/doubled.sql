select {{ function('double') }}(id) as id from {{ ref('customers') }}
