#!/bin/sh
# A night in which few records are new: compared alone, and beside it everything compared anew.
#   night.sh PERSONS       prints wall, CPU and peak memory of both, and whether they end in the same customers
# SILLAGE, OUT: as compare.sh has them.
set -eu
persons=${1:?how many persons?}
here=$(cd "$(dirname "$0")" && pwd)
sillage=${SILLAGE:-$here/../../target/release/sillage}
[ -d /dev/shm ] && ram=/dev/shm || ram=${TMPDIR:-/tmp}
out=${OUT:-$ram/sillage-linkage}/$persons-night

[ -x "$sillage" ] || { echo "there is no program $sillage: build it, or say SILLAGE=" >&2; exit 2; }
mkdir -p "$out"
rm -rf "$out"/warehouse* "$out"/persons-more.csv
[ -s "$out/truth.csv" ] || python3 "$here/persons.py" "$persons" "$out"
export SILLAGE_DATA="$out"
"$sillage" run "$here/persons.toml" --warehouse "$out/warehouse" --as-of 2026-01-01 > "$out/first.log" 2>&1
# Three in a thousand records come once more, under other numbers and with a letter lost.
python3 - "$out" <<'END_OF_PYTHON'
import csv, random, sys
out = sys.argv[1]
draw = random.Random(5)
with open(f"{out}/persons.csv", newline="") as rows, open(f"{out}/persons-more.csv", "w", newline="") as more:
    rows, more = csv.reader(rows), csv.writer(more)
    more.writerow(next(rows))
    for number, row in enumerate(row for row in rows if draw.random() < 0.003):
        column = draw.choice([1, 2, 4, 5])
        more.writerow([f"more-{number}"] + row[1:column] + [row[column][:-1]] + row[column + 1:])
END_OF_PYTHON
cp -r "$out/warehouse" "$out/warehouse-anew"
night() {
  printf "exec '%s' run '%s' --warehouse '%s' --as-of 2026-01-02 %s > '%s' 2>&1\n" \
    "$sillage" "$here/persons.toml" "$out/$1" "$2" "$out/$1.log" > "$out/$1.sh"
}
night warehouse ""
night warehouse-anew --full-refresh
python3 "$here/rounds.py" 1 "changes alone=sh '$out/warehouse.sh'" "all anew=sh '$out/warehouse-anew.sh'" > "$out/rounds.json"
grep -h 'pairs compared' "$out/warehouse.log" "$out/warehouse-anew.log"
for warehouse in warehouse warehouse-anew; do
  "$sillage" query "select * from core.customer_ids order by source, record_id" \
    --warehouse "$out/$warehouse" -o "$out/$warehouse.csv" > /dev/null
done
cmp "$out/warehouse.csv" "$out/warehouse-anew.csv" && echo "the same customer ids"
