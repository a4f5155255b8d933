"""Prints the table of compare.sh. usage: compare.py RESULTS/compare_sfN

Medians over the rounds. `night` is one run of everything; the steps of sillage are runs of their own
(each starts a process and publishes a release, which the peers do not), so they add up to more.
"""

import csv
import json
import sys
from statistics import median

log = sys.argv[1]
STEPS = ["1_ingest", "2_consolidate", "3_features", "4_segments", "5_churn", "6_target"]
# Churn of sillage asks for the features at two past cut-offs itself; the peers have the one they
# need from step 3. So the honest line is the sum.
GROUPS = [("3+5 features, churn", ["3_features", "5_churn"]), ("2 to 6", STEPS[1:])]

peers = {}
try:
    for line in open(f"{log}.peers.jsonl"):
        run = json.loads(line)
        peers.setdefault(run["peer"], []).append(run)
except FileNotFoundError:
    pass
ours = {}
for kind, name, wall, user, system, peak in csv.reader(open(f"{log}.sillage.csv")):
    ours.setdefault((kind, name), []).append((float(wall), float(user) + float(system), int(peak) / 1024))


def peer(runs, steps):
    return tuple(median(sum(run[key][s] for s in steps) for run in runs) for key in ("steps", "cpu"))


def mine(kind, names):
    return tuple(sum(median(m[i] for m in ours[kind, n]) for n in names) for i in (0, 1))


def line(label, theirs, own):
    best = tuple(min((t[i] for t in theirs.values()), default=float("nan")) for i in (0, 1))
    cells = [f"{t[0]:8.2f} ({t[1]:7.2f})" for t in [*theirs.values(), own]]
    print(f"{label:22}" + "".join(f"{c:>20}" for c in cells) + f"{own[0] / best[0]:8.2f} ({own[1] / best[1]:.2f})")


print(f"{'wall s (CPU s)':22}" + "".join(f"{n:>20}" for n in [*peers, "sillage"]) + "   ratio to the fastest peer")
for label, steps in [(s, [s]) for s in STEPS] + GROUPS:
    line(label, {n: peer(runs, steps) for n, runs in peers.items()}, mine("step", steps))
whole = {
    # Interpreters start, figures are checked: neither is the night's work.
    n: peer(runs, STEPS)
    for n, runs in peers.items()
}
line("night", whole, mine("night", ["total"]))
peak = [f"{median(r['peak_mb'] for r in runs):.0f}" for runs in peers.values()]
print(f"{'peak memory MB':22}" + "".join(f"{p:>20}" for p in [*peak, f"{median(m[2] for m in ours['night', 'total']):.0f}"]))
for name in STEPS:
    print(f"  {name:20} sillage {median(m[2] for m in ours['step', name]):6.0f} MB")

print("\nslowest steps of the last night (they run side by side):")
for row in csv.DictReader(open(f"{log}.slowest.csv")):
    print(f"  {row['step']:28}{row['kind']:10}{int(row['rows'] or 0):>10} rows{int(row['wall_ms'] or 0) / 1000:9.2f} s")

figures = dict(row for row in csv.reader(open(f"{log}.figures.csv")) if row and row[0] != "figure")
# Another hash draws the control group: near a tenth, not the same people.
BY_CHANCE = {"list_control"}
wrong = 0
print("\nfigures:")
for figure, own in figures.items():
    for name, runs in peers.items():
        theirs = str(runs[-1]["checks"].get(figure))
        try:
            same = abs(float(own) - float(theirs)) <= 1e-9 * max(1.0, abs(float(theirs))) + (5e-5 if figure.startswith("sum_") else 0)
        except ValueError:
            same = own == theirs
        if figure in BY_CHANCE:
            print(f"  {figure}: sillage {own}, {name} {theirs} (drawn by another hash)")
        elif not same:
            wrong += 1
            print(f"  {figure}: sillage {own}, {name} {theirs}  DIFFERENT")
print(f"  {len(figures) - len(BY_CHANCE)} figures compared, {wrong} different")
sys.exit(1 if wrong else 0)
