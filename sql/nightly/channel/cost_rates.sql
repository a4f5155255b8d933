-- Grain: one row per piece of work, or rate, and date from which it costs so much.
select
  case item
    when 'livraison' then 'parcel'
    when 'retour magasin' then 'return_shop'
    when 'retour web' then 'return_web'
    when 'relance' then 'reminder'
    when 'visite' then 'visit'
    when 'TVA' then 'tax_percent'
    when 'crédit' then 'credit_percent'
    else item
  end as item,
  rate,
  unit,
  valid_from
from raw.cost_rates
