-- Grain: one row per cheque or present of the loyalty scheme; customer_id is null if the record is unknown.
select
  rewards.reward,
  coalesce(by_card.customer_id, by_account.customer_id) as customer_id,
  rewards.programme,
  rewards.given_on,
  rewards.amount
from channel.rewards
left join core.customer_ids as by_card on by_card.source = 'card' and by_card.record_id = rewards.card
left join core.customer_ids as by_account
  on by_account.source = 'account' and by_account.record_id = rewards.account_id
