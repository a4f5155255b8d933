"""Precision, recall and F1 of pairs after clustering.

python3 measure.py TRUTH.csv FOUND.csv: columns record, person and record_id, customer_id.
"""
import collections
import csv
import sys


def read(path, record, group):
    with open(path, newline="", encoding="utf-8") as file:
        return {row[record]: row[group] for row in csv.DictReader(file)}


def pairs(sizes):
    return sum(n * (n - 1) // 2 for n in sizes.values())


truth = read(sys.argv[1], "record", "person")
found = read(sys.argv[2], "record_id", "customer_id")
assert truth.keys() == found.keys(), "every record has a customer, and no other has"
same = pairs(collections.Counter((truth[r], found[r]) for r in truth))
real, made = pairs(collections.Counter(truth.values())), pairs(collections.Counter(found.values()))
precision, recall = same / made, same / real
f1 = 2 * precision * recall / (precision + recall)
print(f"precision {precision:.4f} recall {recall:.4f} F1 {f1:.4f}, largest customer {max(collections.Counter(found.values()).values())} records")
