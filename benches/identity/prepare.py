"""Takes the truth out of FEBRL dataset3 and splink's fake_1000: records get numbers of their own.

python3 prepare.py DATA OUT writes OUT/febrl.csv and OUT/fake_1000.csv for the pipelines, and beside
them, read by nothing but measure.py and [match_quality], OUT/truth/*.csv with the person of each record.
"""
import csv
import pathlib
import random
import sys

data, out = map(pathlib.Path, sys.argv[1:3])
(out / "truth").mkdir(parents=True, exist_ok=True)
SETS = {
    "febrl": (data / "febrl/dataset3.csv", lambda row: row["rec_id"].split("-")[1], {"rec_id", "soc_sec_id"}),
    "fake_1000": (data / "splink/fake_1000.csv", lambda row: row["cluster"], {"unique_id", "cluster"}),
}
for name, (path, person, hidden) in SETS.items():
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, skipinitialspace=True))
    # Their order says who belongs together.
    random.Random(1).shuffle(rows)
    columns = [column for column in rows[0] if column not in hidden]
    with open(out / f"{name}.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["record", *columns])
        writer.writerows([n, *(row[column].strip() for column in columns)] for n, row in enumerate(rows))
    with open(out / "truth" / f"{name}.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["record", "person"])
        writer.writerows([n, person(row)] for n, row in enumerate(rows))
