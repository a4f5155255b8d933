//! The most important figures.

use maud::Markup;

use crate::error::Result;
use crate::report::reader::Reader;
use crate::report::rows::Rows;
use crate::report::tiles::tiles;

pub async fn part(reader: &Reader<'_>) -> Result<Option<Markup>> {
    let (catalog, language) = (reader.catalog, reader.language);
    let sizes = Rows::of(
        catalog,
        "mart.customer_sizes",
        "select cast(coalesce(sum(records * customers), 0) as bigint) as records,
                cast(coalesce(sum(customers), 0) as bigint) as customers,
                cast(coalesce(sum(case when records > 1 then records * customers end), 0) as bigint) as joined
         from mart.customer_sizes",
    )
    .await?;
    let Some(sizes) = sizes else { return Ok(None) };
    let (records, customers, joined) =
        (sizes.count("records", 0)?, sizes.count("customers", 0)?, sizes.count("joined", 0)?);
    let persons = Rows::of(
        catalog,
        "mart.completeness",
        "select cast(coalesce(sum(records), 0) as bigint) as records
         from (select source, max(records) as records from mart.completeness group by source)",
    )
    .await?;
    let pairs = Rows::of(
        catalog,
        "mart.match_decisions",
        "select cast(coalesce(sum(pairs) filter (where decision = 'linked'), 0) as bigint) as linked,
                cast(coalesce(sum(pairs) filter (where decision = 'review'), 0) as bigint) as review
         from mart.match_decisions",
    )
    .await?;
    let accuracy = Rows::of(
        catalog,
        "mart.match_accuracy",
        "select precision, recall from mart.match_accuracy where measure = 'pairs'",
    )
    .await?;
    let mut figures = vec![
        (language.text("records of all channels", "fiches de tous les canaux"), language.count(records)),
        (language.text("customers found in them", "clients qu'on y a trouvés"), language.count(customers)),
        (
            language.text(
                "of the records share a customer with another",
                "des fiches partagent un client avec une autre",
            ),
            language.percent(share(joined, records)),
        ),
    ];
    if let Some(persons) = persons {
        let name =
            language.text("records with attributes of a person", "fiches avec des attributs d'une personne");
        figures.push((name, language.count(persons.count("records", 0)?)));
    }
    if let Some(pairs) = pairs {
        let linked = language.text("pairs linked by similarity", "paires liées par ressemblance");
        figures.push((linked, language.count(pairs.count("linked", 0)?)));
        let review = language.text("pairs for review", "paires à revoir");
        figures.push((review, language.count(pairs.count("review", 0)?)));
    }
    if let Some(accuracy) = accuracy.filter(|rows| rows.len() == 1) {
        for (name, column) in [
            (
                language.text(
                    "precision of pairs, compared with the truth",
                    "précision des paires, comparées à la vérité",
                ),
                "precision",
            ),
            (
                language.text(
                    "recall of pairs, compared with the truth",
                    "rappel des paires, comparées à la vérité",
                ),
                "recall",
            ),
        ] {
            if let Some(rate) = accuracy.float(column, 0)? {
                figures.push((name, language.percent(rate)));
            }
        }
    }
    Ok(Some(tiles(&figures)))
}

fn share(part: i64, whole: i64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
