-- Grain: one country. Purpose: where the shop's orders and credit notes come from.
select
  country,
  count(*) filter (where kind = 'sale') as orders,
  count(*) filter (where kind = 'credit') as credit_notes,
  count(distinct customer_id) as customers,
  cast(coalesce(sum(net_amount) filter (where kind = 'sale'), 0) as decimal(18, 3)) as sold_amount,
  cast(coalesce(sum(net_amount) filter (where kind = 'credit'), 0) as decimal(18, 3)) as credited_amount
from channel.invoices
group by country
