-- Grain: one row per cheque or present of the loyalty scheme.
select reward, programme, given_on, card, account_id, amount
from raw.rewards
