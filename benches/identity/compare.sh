#!/bin/sh
# sillage against splink 5 on DuckDB: the same persons, the same rules, whole processes by turns.
#   compare.sh PERSONS [ROUNDS]       prints a table of both and the ratios
# SILLAGE: the program (target/release/sillage); PEER: a venv with splink 5, made if it lacks;
# OUT: where records and warehouses go, RAM if it can be had (about 4 GB for a million persons).
set -eu
persons=${1:?how many persons?}
rounds=${2:-3}
here=$(cd "$(dirname "$0")" && pwd)
sillage=${SILLAGE:-$here/../../target/release/sillage}
[ -d /dev/shm ] && ram=/dev/shm || ram=${TMPDIR:-/tmp}
out=${OUT:-$ram/sillage-linkage}/$persons
peer=${PEER:-${TMPDIR:-/tmp}/splink-venv}

[ -x "$sillage" ] || { echo "there is no program $sillage: build it, or say SILLAGE=" >&2; exit 2; }
if [ ! -x "$peer/bin/python" ]; then
  python3 -m venv "$peer"
  "$peer/bin/pip" install --quiet 'splink==5.0.0' 'duckdb==2.0.1'
fi
[ -s "$out/truth.csv" ] || python3 "$here/persons.py" "$persons" "$out"

cat > "$out/sillage.sh" <<END
rm -rf '$out/warehouse'
exec '$sillage' run '$here/persons.toml' --warehouse '$out/warehouse' > '$out/sillage.log' 2>&1
END
cat > "$out/splink.sh" <<END
cd '$out'
exec '$peer/bin/python' '$here/splink_persons.py' persons.csv splink.csv > splink.log 2>&1
END
export SILLAGE_DATA="$out"
python3 "$here/rounds.py" "$rounds" "sillage=sh '$out/sillage.sh'" "splink=sh '$out/splink.sh'" > "$out/rounds.json"
"$sillage" query "select record_id, customer_id from core.customer_ids" --warehouse "$out/warehouse" -o "$out/sillage.csv" > /dev/null
for name in sillage splink; do
  python3 "$here/measure.py" "$out/truth.csv" "$out/$name.csv" > "$out/$name.quality"
done
python3 - "$out" "$persons" "$rounds" <<'END'
import json, re, sys
out, persons, rounds = sys.argv[1:]
runs = json.load(open(f"{out}/rounds.json"))
print(f"\n{persons} persons, {rounds} rounds, medians\n\n|  | wall s | CPU s | peak MiB | precision | recall | F1 |\n|---|---|---|---|---|---|---|")
for name, run in runs.items():
    quality = re.findall(r"(?:precision|recall|F1) ([0-9.]+)", open(f"{out}/{name}.quality").read())
    print(f"| {name} | {run['wall']:.1f} | {run['cpu']:.1f} | {run['rss']:.0f} | " + " | ".join(quality) + " |")
a, b = runs["sillage"], runs["splink"]
print("| ratio | " + " | ".join(f"{a[what] / b[what]:.2f}" for what in ["wall", "cpu", "rss"]) + " | | | |")
END
