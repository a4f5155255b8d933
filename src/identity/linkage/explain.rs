//! Explains why two records are, or are not, one person: the waterfall of match weights.

use datafusion::prelude::DataFrame;

use super::candidates::{self, Terms};
use super::comparison::Comparison;
use super::fitted::LastRows;
use super::model::Linkage;
use crate::error::{Context, Error, Result};
use crate::identity::likeness;
use crate::identity::record_name::{RecordName, sources_of, unknown_record};
use crate::identity::tables::{MATCH_TERMS, PERSON_RECORDS, table};
use crate::sql_text::quoted;
use crate::warehouse::catalog::Catalog;

/// Returns the waterfall of two records, by the parameters that the last run went by. Grain: one row for the
/// prior and one for each comparison, in order: the level, both values, its bits, and the match weight
/// up to here. Values are personal data.
///
/// # Errors
/// No person record of that name, no linkage in this release, or one with other comparisons.
pub async fn explain(
    catalog: &Catalog,
    linkage: &Linkage,
    left: RecordName<'_>,
    right: RecordName<'_>,
) -> Result<DataFrame> {
    let doing = "explain the pair";
    let persons = table(PERSON_RECORDS);
    let terms = table(MATCH_TERMS);
    for needed in [&persons, &terms] {
        if catalog.table(needed).await?.is_none() {
            return Err(Error::failed("this release has no linked person records")
                .hint("name a table of them under [identity] with records = \"…\", and run the pipeline"));
        }
    }
    let estimate = LastRows::read(catalog, None).await?.unwrap_or_default().estimate(linkage)?;
    let parameters = &estimate.parameters;
    let session = catalog.session([&persons, &terms], None).await?;
    session.register_functions(likeness::functions());
    for record in [left, right] {
        let found = session
            .sql(&format!("select 1 from {persons} where {}", record.condition()))
            .await
            .doing(doing)?
            .count()
            .await
            .doing(doing)?;
        if found == 0 {
            let message = "there is no person record with this source and id";
            return Err(unknown_record(message, &sources_of(&session, &persons).await?, record, &persons));
        }
    }
    let known = Terms { table: &terms, known: &estimate.terms };
    let keyed = candidates::keyed_sql(&persons, linkage, &known);
    let joined = format!(
        "(select * from ({keyed}) where record_number = (select record_number from {persons} where {left})) as l
         cross join
         (select * from ({keyed}) where record_number = (select record_number from {persons} where {right})) as r",
        left = left.condition(),
        right = right.condition(),
    );
    let pairs = format!("({})", candidates::agreement(linkage, &joined, &[]));
    let scored = estimate.scored_sql(linkage, &pairs);
    let mut rows = vec![format!(
        "select 0 as position, 'prior' as comparison, cast(null as varchar) as level,
                cast(null as varchar) as value_l, cast(null as varchar) as value_r, {:e} as bits",
        parameters.prior_bits()
    )];
    let attributes = linkage.attribute_names();
    for (n, comparison) in linkage.comparisons.iter().enumerate() {
        let name = &comparison.name;
        let levels: Vec<String> = (0..comparison.level_count())
            .map(|level| format!(" when {level} then {}", quoted(comparison.level_name(level))))
            .collect();
        let value = |side: &str| shown(comparison, &attributes, side);
        rows.push(format!(
            "select {position}, '{name}', case s.gamma_{name}{levels} else 'says nothing' end,
                    {value_l}, {value_r}, s.bits_{name}
             from scored as s
             join {persons} as l on l.record_number = s.record_number_l
             join {persons} as r on r.record_number = s.record_number_r",
            position = n + 1,
            levels = levels.concat(),
            value_l = value("l"),
            value_r = value("r"),
        ));
    }
    rows.push(format!(
        "select {}, 'household', 'may be two persons of one household', null, null, bits_household from scored",
        linkage.comparisons.len() + 1
    ));
    let sql = format!(
        "with scored as ({scored}), rows as ({})
         select comparison, level, value_l, value_r, bits,
                sum(bits) over (order by position) as match_weight
         from rows order by position",
        rows.join(" union all ")
    );
    session.sql(&sql).await.doing(doing)
}

/// Returns what a comparison looks at, of one side: the attribute that it is named after or compares, else all
/// that it looks at.
fn shown(comparison: &Comparison, attributes: &[&str], side: &str) -> String {
    let named = attributes.iter().copied().find(|attribute| *attribute == comparison.name);
    match comparison.columns.first().map(String::as_str).or(named) {
        Some(attribute) => format!("{side}.{attribute}"),
        None => {
            let all = comparison.attributes(attributes);
            let all: Vec<String> = all.iter().map(|attribute| format!("{side}.{attribute}")).collect();
            format!("nullif(concat_ws(', ', {}), '')", all.join(", "))
        }
    }
}
