"""What a user of lifetimes writes: purchases.csv to a value per customer, BG/NBD and Gamma-Gamma, without intervals.

python3 lifetimes_value.py PURCHASES OUT
"""
import sys

import pandas as pd
from lifetimes import BetaGeoFitter, GammaGammaFitter
from lifetimes.utils import summary_data_from_transaction_data

purchases = pd.read_csv(sys.argv[1], dtype={"customer_id": str}, parse_dates=["day"])
summary = summary_data_from_transaction_data(
    purchases, "customer_id", "day", monetary_value_col="margin", observation_period_end="2025-12-31", freq="D",
    freq_multiplier=7,
)
frequency, recency, age = summary["frequency"], summary["recency"], summary["T"]
buys = BetaGeoFitter(penalizer_coef=0.0).fit(frequency, recency, age)
again = summary[(frequency > 0) & (summary["monetary_value"] > 0)]
worth = GammaGammaFitter(penalizer_coef=0.0).fit(again["frequency"], again["monetary_value"])
summary["probability_alive"] = buys.conditional_probability_alive(frequency, recency, age)
summary["expected_purchases"] = buys.conditional_expected_number_of_purchases_up_to_time(365 / 7, frequency, recency, age)
summary["expected_worth"] = worth.conditional_expected_average_profit(frequency, summary["monetary_value"])
summary["value"] = worth.customer_lifetime_value(
    buys, frequency, recency, age, summary["monetary_value"], time=12, discount_rate=1.1 ** (1 / 12) - 1, freq="W",
)
summary.to_parquet(sys.argv[2]) if sys.argv[2].endswith(".parquet") else summary.to_csv(sys.argv[2])
print(buys.params_.to_dict(), worth.params_.to_dict(), len(summary), summary["expected_purchases"].sum())
