-- Grain: one row per recommendation: who recommended the shop, and who came.
select
  case when by_card is not null then 'card' when by_account is not null then 'account' else 'email' end
    as by_source,
  coalesce(by_card, by_account, standard_email(by_email)) as by_record_id,
  case when card is not null then 'card' else 'account' end as source,
  coalesce(card, account_id) as record_id,
  referred_on
from raw.referrals
