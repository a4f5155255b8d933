#!/bin/bash
# usage: compare.sh WORKDIR [ROUNDS=3] [PEERS]
# The nightly job by DuckDB, Polars and sillage in turn, ROUNDS times; prints what each step took
# (wall, CPU, peak memory), the ratios to the fastest peer, and whether the figures agree.
#   WORKDIR  holds raw/sf1 (the 13 CSV files); results go to WORKDIR/results, tables to WORKDIR/out
#   PEERS    folder of the peers' scripts and their venv (default: $PEERS, else WORKDIR)
# From the environment: SILLAGE (the binary), SF (1), AS_OF (the day after the last sale; by default
# the pipeline's, right for SF 1), ARGS (more arguments of every `sillage run`, e.g. --memory-limit 1GB),
# NAMES ("duckdb polars").
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(cd "${1:?usage: compare.sh WORKDIR [ROUNDS] [PEERS]}" && pwd)
rounds=${2:-3}
peers=$(cd "${3:-${PEERS:-$work}}" && pwd)
sf=${SF:-1}
sillage=$(realpath "${SILLAGE:-$here/../../target/release/sillage}")
raw=$work/raw/sf$sf
out=$work/out/compare
python=$peers/venv/bin/python
log=$work/results/compare_sf$sf
[ -x "$sillage" ] || { echo "no binary at $sillage: cargo build --release, or set SILLAGE" >&2; exit 2; }
[ -f "$raw/store_sales.csv" ] || { echo "no raw files at $raw" >&2; exit 2; }
mkdir -p "$out" "$work/results"
rm -f "$log.peers.jsonl" "$log.sillage.csv" "$log.figures.csv"

# One `sillage run` on a warehouse: what was measured, its name, wall, user, system, peak kB.
measure() { # kind name warehouse arguments...
  local kind=$1 name=$2 warehouse=$3; shift 3
  local used; used=$(mktemp)
  SILLAGE_DATA=$raw /usr/bin/time -o "$used" -f '%e,%U,%S,%M' \
    "$sillage" run "$here/tpcds.toml" --warehouse "$warehouse" ${AS_OF:+--as-of "$AS_OF"} ${ARGS:-} "$@" \
    >>"$log.log" 2>&1 || { echo "sillage failed, see $log.log" >&2; tail -n 20 "$log.log" >&2; exit 1; }
  echo "$kind,$name,$(tail -n 1 "$used")" >>"$log.sillage.csv"
  rm -f "$used"
}
# Writes what was written, so that nobody pays for another's pages.
settle() { sync -f "$out"; }

for ((round = 1; round <= rounds; round++)); do
  echo "round $round of $rounds, load $(cut -d' ' -f1 /proc/loadavg)"
  for name in ${NAMES-duckdb polars}; do
    (cd "$peers" && PEER_LOG=$log.peers.jsonl "$python" "peer_$name.py" "$raw" "$out/$name") >>"$log.log" 2>&1
    settle
  done

  # The night as a user runs it: everything in one run, published once.
  rm -rf "$out/night"
  measure night total "$out/night"
  settle

  # The same, step by step as the peers count them, each a run and a release of its own.
  rm -rf "$out/steps"
  measure step 1_ingest "$out/steps" --select kind:ingest
  measure step 2_consolidate "$out/steps" --select core.returns,core.sales
  measure step 3_features "$out/steps" \
    --select core.orders,core.order_returns,core.customer_categories,mart.customer_features
  measure step 4_segments "$out/steps" --select mart.segments
  measure step 5_churn "$out/steps" --select mart.churn_scores
  measure step 6_target "$out/steps" --select mart.customer_360,audiences
  settle
done

query() { "$sillage" query "$1" --warehouse "$out/night" --format csv; }
{
  query "select 'sales_rows' as figure, cast(count(*) as varchar) as value from core.sales
    union all select 'net_paid', cast(sum(net_paid) as varchar) from core.sales
    union all select 'returned_qty', cast(sum(return_quantity) as varchar) from core.sales
    union all select 'returned_amt', cast(sum(return_amount) as varchar) from core.sales
    union all select 'end', cast(max(sale_date) as varchar) from core.sales
    union all select 'returns_rows', cast(count(*) as varchar) from core.returns
    union all select 'customers_end', cast(count(*) as varchar) from mart.customer_features
    union all select 'list_size', cast(count(*) as varchar) from mart.target_lists
    union all select 'list_control', cast(count(*) as varchar) from mart.target_lists where is_control"
  query "select 'customers_cut' as figure, cast(cast(value as bigint) as varchar) as value
    from ops.models where name = 'customers_of_cutoff' order by position desc limit 1"
  sums=""
  for feature in recency_days n_orders monetary net_profit avg_basket tenure_days mean_gap_days share_store \
    share_catalog share_web return_rate coupon_share promo_share n_categories quantity; do
    sums="$sums${sums:+ union all }select 'sum_$feature' as figure, cast(sum(cast($feature as double)) as varchar) as value from mart.customer_features"
  done
  query "$sums"
} >"$log.figures.csv"
query "select step, kind, rows, bytes_written, wall_ms from ops.steps order by wall_ms desc limit 12" >"$log.slowest.csv"
python3 "$here/compare.py" "$log"
