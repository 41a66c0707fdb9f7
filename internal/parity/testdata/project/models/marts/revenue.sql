select * from {{ ref('orders') }} where {{ positive('amount') }}
