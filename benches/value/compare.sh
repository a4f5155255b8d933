#!/bin/sh
# A value for every customer, by sillage and by a script of lifetimes: the same file, whole processes by turns.
#   compare.sh CUSTOMERS [ROUNDS]     prints a table of both and the ratios
# SILLAGE: the program (target/release/sillage); PEER: a venv with lifetimes, made if it lacks; PIPELINE: value.toml, or
# judged.toml beside it; OUT: where purchases and warehouses go, RAM if it can be had.
set -eu
customers=${1:?how many customers?}
rounds=${2:-3}
here=$(cd "$(dirname "$0")" && pwd)
sillage=${SILLAGE:-$here/../../target/release/sillage}
[ -d /dev/shm ] && ram=/dev/shm || ram=${TMPDIR:-/tmp}
out=${OUT:-$ram/sillage-value}/$customers
peer=${PEER:-${TMPDIR:-/tmp}/lifetimes-venv}
pipeline=${PIPELINE:-$here/value.toml}

[ -x "$sillage" ] || { echo "there is no program $sillage: build it, or say SILLAGE=" >&2; exit 2; }
if [ ! -x "$peer/bin/python" ]; then
  python3 -m venv "$peer"
  "$peer/bin/pip" install --quiet 'lifetimes==0.11.3' 'numpy<2' 'pandas<3'
fi
[ -s "$out/purchases.csv" ] || "$peer/bin/python" "$here/customers.py" "$customers" "$out"

cat > "$out/sillage.sh" <<END
rm -rf '$out/warehouse'
exec '$sillage' run '$pipeline' --warehouse '$out/warehouse' ${ARGS:-} > '$out/sillage.log' 2>&1
END
cat > "$out/lifetimes.sh" <<END
exec '$peer/bin/python' -W ignore '$here/lifetimes_value.py' '$out/purchases.csv' '$out/lifetimes.csv' > '$out/lifetimes.log' 2>&1
END
export SILLAGE_DATA="$out"
python3 "$here/../identity/rounds.py" "$rounds" "sillage=sh '$out/sillage.sh'" "lifetimes=sh '$out/lifetimes.sh'" > "$out/rounds.json"
python3 - "$out" "$customers" "$rounds" <<'END'
import json, sys
out, customers, rounds = sys.argv[1:]
runs = json.load(open(f"{out}/rounds.json"))
print(f"\n{customers} customers, {rounds} rounds, medians\n\n|  | wall s | CPU s | peak MiB |\n|---|---|---|---|")
for name, run in runs.items():
    print(f"| {name} | {run['wall']:.1f} | {run['cpu']:.1f} | {run['rss']:.0f} |")
a, b = runs["sillage"], runs["lifetimes"]
print("| ratio | " + " | ".join(f"{a[what] / b[what]:.2f}" for what in ["wall", "cpu", "rss"]) + " |")
END
"$sillage" query "select name, value from ops.models where part = 'parameter' and position = 0 and name in ('r', 'alpha', 'a', 'b', 'p', 'q', 'gamma') order by name" --warehouse "$out/warehouse" --format csv
"$sillage" query "select count(*) as customers, sum(expected_purchases) as expected_purchases from mart.customer_value" --warehouse "$out/warehouse" --format csv
tail -n 1 "$out/lifetimes.log"
