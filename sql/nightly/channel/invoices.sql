-- Grain: one row per invoice: to a web account for one order, or to a key account for goods.
select
  invoice,
  debtor = 'grand compte' as is_key_account,
  account_id,
  record as record_id,
  order_id,
  product_id,
  quantity,
  amount,
  issued_on,
  due_on,
  paid_on
from raw.invoices
