-- Grain: one entry: a product of a basket at its list price, and what the shop gave away on it. Coupons of
-- manufacturers are paid to the shop by them and take nothing off what it receives; what the shop added to a coupon
-- does. Signed, so that any sum of entries is what the shop received. Costs are not in this data.
with entries as (
  select
    order_id, product_id, customer_id, ordered_at, department,
    unnest(make_array('sales', 'loyalty', 'coupon match')) as what,
    unnest(make_array(
      net_amount + loyalty_discount + coupon_match_discount, -loyalty_discount, -coupon_match_discount
    )) as amount
  from core.order_lines
)
select
  concat(what, ' ', order_id, '/', product_id) as entry_id,
  customer_id,
  cast(null as varchar) as organisation_id,
  ordered_at as booked_at,
  case when what = 'sales' then 'sales' else 'discounts' end as account,
  department as product_line,
  'shop' as channel,
  'transactions' as source,
  concat(order_id, '/', product_id) as reference,
  false as is_return,
  cast(amount as decimal(18,2)) as amount
from entries
where amount <> 0
