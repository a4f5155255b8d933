-- Grain: one product of one basket, as the till wrote it. Till times are UTC, days are those of the shops in
-- New York. What the till gave away is a positive amount.
select
  cast(household_id as varchar) as customer_id,
  cast(basket_id as varchar) as order_id,
  transaction_timestamp as ordered_at,
  local_day(transaction_timestamp) as order_day,
  cast(store_id as varchar) as store_id,
  cast(product_id as varchar) as product_id,
  quantity,
  sales_value as net_amount,
  retail_disc as loyalty_discount,
  coupon_disc as coupon_discount,
  coupon_match_disc as coupon_match_discount
from raw.transactions
