"""The peer: splink 5 on DuckDB over fake_1000, with the comparisons its manual gives and our blocking rules.

python3 splink_fake_1000.py OUT/fake_1000.csv FOUND.csv, both as prepare.py and measure.py know them. Needs the
packages splink (5) and pandas.
"""
import csv
import sys

import pandas as pd
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

records = pd.read_csv(sys.argv[1], dtype=str, keep_default_na=False).replace("", None)
records["unique_id"] = records["record"].astype(int)
settings = SettingsCreator(
    link_type="dedupe_only",
    comparisons=[
        cl.NameComparison("first_name"),
        cl.JaroAtThresholds("surname", [0.9, 0.7]),
        cl.DateOfBirthComparison("dob", input_is_string=True),
        cl.ExactMatch("city").configure(term_frequency_adjustments=True),
        cl.EmailComparison("email"),
    ],
    blocking_rules_to_generate_predictions=[
        block_on("first_name", "surname"),
        block_on("surname", "dob"),
        block_on("first_name", "dob"),
        block_on("email"),
        block_on("dob", "substr(first_name, 1, 2)"),
        block_on("dob", "substr(surname, 1, 2)"),
        block_on("dob", "city"),
        block_on("split_part(email, '@', 1)"),
        block_on("surname", "substr(dob, 1, 7)"),
        block_on("first_name", "substr(dob, 1, 7)"),
        block_on("surname", "substr(dob, 6, 5)"),
        block_on("first_name", "substr(dob, 6, 5)"),
        block_on("substr(first_name, 1, 3)", "substr(surname, 1, 3)", "substr(dob, 1, 4)"),
        block_on("least(first_name, surname)", "greatest(first_name, surname)"),
    ],
)
api = DuckDBAPI()
linker = Linker(api.register(records), settings)
training = linker.training
training.estimate_probability_two_random_records_match(
    [block_on("first_name", "surname", "dob"), "l.email = r.email"], recall=0.7
)
training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
for rule in [block_on("first_name", "surname"), block_on("dob"), block_on("email")]:
    training.estimate_parameters_using_expectation_maximisation(rule)
predictions = linker.inference.predict(threshold_match_probability=0.9)
clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(predictions, threshold_match_probability=0.9)
found = clusters.as_pandas_dataframe()
with open(sys.argv[2], "w", newline="", encoding="utf-8") as file:
    writer = csv.writer(file)
    writer.writerow(["record_id", "customer_id"])
    writer.writerows(zip(found["unique_id"], found["cluster_id"]))
