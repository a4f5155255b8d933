//! Which refused records still wait, and what became of the others.
//!
//! `ops.quarantine` is only appended to. A row says what a run found of one record, `state`:
//! `refused`; or, found by a replay, `refused again`, `replayed` (it fits now and went to the raw
//! table) or `dropped` (under the present declaration there is no record at that line); or `dismissed`, by
//! whom and why. The last word on a record, by source, file and line, is that of the latest run; a record
//! that was dismissed stays so when its file is read anew and it still says the same. Two kinds of words do not count:
//! those on files that `ops.sources` does not have of that run (it refused too many, and the file is read
//! again whole), and those from before the source was last read from the beginning. What a replay
//! says is only ever published with its rows.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use futures::StreamExt;

use super::rows::{DISMISSED_BY, Lines, table};
use crate::error::{Context, Error, Result};
use crate::ops::sources;
use crate::warehouse::catalog::{Catalog, Session};

/// Every refused record with what became of it, as a query without its end: `status` is `open`,
/// `replayed`, `dropped`, `dismissed`, `refused again` (a later run says more of the same record), `run failed`
/// (its run refused too much, and no later one has read the source: the whole file will be read again), or `read
/// again` (it was, or the source was read anew).
const STATUS: &str = "
    with words as (
        select
            q.*,
            q._run >= coalesce(s.since, 0) and (q.state <> 'refused' or f.run is not null) as counts,
            q._run > coalesce(s.last, 0) as is_of_failure
        from (select * except (state), coalesce(state, 'refused') as state from ops.quarantine) q
        left join (select distinct run, source, file from ops.sources) f
            on f.run = q._run and f.source = q.source and f.file = q.file
        left join (select source, max(since_run) as since, max(run) as last from ops.sources group by source) s
            on s.source = q.source
    ),
    ordered as (
        select
            *, row_number() over (
                partition by source, file, line
                order by _run desc, case state when 'dismissed' then 1 else 0 end
            ) as place
        from words where counts
    ),
    ends as (
        select source, file, line, _run as run, dismissed_by, dismissed_because,
            case state when 'refused' then 'refused again' else state end as state
        from ordered where place = 1
    ),
    dismissed as (
        select d.source, d.file, d.line, r.record, max(d._run) as run,
            max(d.dismissed_by) as dismissed_by, max(d.dismissed_because) as dismissed_because
        from words d join words r on r.source = d.source and r.file = d.file and r.line = d.line
        where d.state = 'dismissed' and d.dismissed_by <> 'sillage' and r.state in ('refused', 'refused again') and r._run < d._run
        group by d.source, d.file, d.line, r.record
    ),
    record_status as (
        select
            w.source, w.file, w.line, w.last_line, w.\"column\", w.reason, w.record, w._run as run,
            case
                when not coalesce(w.counts, false) and w.is_of_failure then 'run failed'
                when not coalesce(w.counts, false) then 'read again'
                when e.run > w._run then e.state
                when d.run is not null then 'dismissed'
                else 'open'
            end as status,
            case when w.counts and e.run > w._run then e.run when w.counts then d.run end as replayed_run,
            case when w.counts and e.run > w._run then e.dismissed_by when w.counts then d.dismissed_by end
                as dismissed_by,
            case when w.counts and e.run > w._run then e.dismissed_because when w.counts then d.dismissed_because end
                as dismissed_because
        from words w
        left join ends e on e.source = w.source and e.file = w.file and e.line = w.line
        left join dismissed d on d.source = w.source and d.file = w.file and d.line = w.line
            and (d.record is not distinct from w.record)
        where w.state in ('refused', 'refused again')
    )
    ";

/// Returns a query over `record_status`: one row per refused record and run that refused it, with the columns
/// `source`, `file`, `line`, `last_line`, `column`, `reason`, `record` (personal data), `run`,
/// `status`, `replayed_run` (the last run that has a row about it), `dismissed_by` and
/// `dismissed_because`.
pub fn query(select: &str) -> String {
    format!("{STATUS}{select}")
}

/// A session that can ask such queries; `None` when nothing was ever refused.
///
/// # Errors
/// A table that cannot be read; a quarantine that an older sillage made.
pub async fn session(catalog: &Catalog) -> Result<Option<Session>> {
    let tables = [table(), sources::table()];
    if catalog.table(&tables[0]).await?.is_none() {
        return Ok(None);
    }
    if let Some(words) = catalog.table(&tables[0]).await?
        && words.schema.field_with_name(DISMISSED_BY).is_err()
    {
        return Err(Error::config(format!("{} has no column `{DISMISSED_BY}`", tables[0]))
            .hint("it was made by an older sillage: `sillage migrate` gives it the columns of today"));
    }
    if catalog.table(&tables[1]).await?.is_some() {
        return catalog.session(&tables, None).await.map(Some);
    }
    // Every run has failed so far: no file was taken up.
    let session = catalog.session([&tables[0]], None).await?;
    let none = session.read_batch(RecordBatch::new_empty(sources::schema()))?;
    session.register_view(&tables[1], none)?;
    Ok(Some(session))
}

/// The lines of a source's open records, by file.
///
/// # Errors
/// A quarantine that cannot be read, that an older sillage made, or that holds what
/// sillage does not write there.
pub async fn open(catalog: &Catalog, source: &str) -> Result<BTreeMap<String, Vec<Lines>>> {
    let mut open: BTreeMap<String, Vec<Lines>> = BTreeMap::new();
    let Some(session) = session(catalog).await? else { return Ok(open) };
    let doing = "read the quarantine";
    // Sources have the names of identifiers.
    let sql = query(&format!(
        "select file, line, last_line from record_status where status = 'open' and source = '{source}' order by file, line"
    ));
    let mut stream = session.sql(&sql).await.doing(doing)?.execute_stream().await.doing(doing)?;
    while let Some(batch) = stream.next().await {
        let batch = batch.doing(doing)?;
        let damaged = || Error::failed("ops.quarantine does not hold what sillage writes there");
        let files = batch.column(0).as_string_opt::<i32>().ok_or_else(damaged)?;
        let lines = |n: usize| batch.column(n).as_primitive_opt::<Int64Type>().ok_or_else(damaged);
        let (first, last) = (lines(1)?, lines(2)?);
        for row in 0..batch.num_rows() {
            let last = if last.is_valid(row) { last.value(row) } else { first.value(row) };
            open.entry(files.value(row).to_owned()).or_default().push((first.value(row), last));
        }
    }
    Ok(open)
}
