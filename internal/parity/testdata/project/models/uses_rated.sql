select * from {{ ref('rated') }} join {{ ref('promised') }} using (id)
