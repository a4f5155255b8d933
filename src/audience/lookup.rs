//! Finds the customers that a word means: a customer id, the id of one of their records (a card, an account), an
//! e-mail address, a telephone number or a name.

use arrow::array::AsArray;
use arrow::datatypes::DataType;
use datafusion::prelude::DataFrame;

use super::tables::{DECISIONS, DEFINITIONS, table};
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::normal_form::{self, SQL_NAME as NORMAL};
use crate::sql_text::quoted;
use crate::warehouse::catalog::{Catalog, Session};

/// Columns by which a customer is known, beside their id.
const KNOWN_BY: [&str; 4] = ["email", "phone", "first_name", "last_name"];

/// The ways to find a customer, the surest first: what an earlier one finds, later ones are not asked for.
const WAYS: [&str; 5] = ["customer id", "record", "e-mail address", "telephone number", "name"];

/// Returns the customers who are meant and the way they were found; grain: one row per customer, with the columns
/// `customer_id` (text), `found_by`, and whichever of first and last name, e-mail address and telephone number the
/// tables of the audiences have.
///
/// # Errors
/// Nobody is meant.
pub async fn find(catalog: &Catalog, who: &str) -> Result<DataFrame> {
    let doing = "look for the customer";
    let bases = bases(catalog).await?;
    let mut tables: Vec<TableName> = bases.iter().map(|base| base.name.clone()).collect();
    tables.push(table(DECISIONS));
    let identity = IdentityTables::of(catalog).await?;
    tables.extend(identity.tables());
    let session = catalog.session(&tables, None).await?;
    session.register_functions([normal_form::sql_function()]);
    let found = format!(
        "select customer_id, min(way) as way from ({}) as hits group by customer_id",
        ways(who, &bases, &identity).join("\n union all ")
    );
    let shown = shown(&bases);
    let sql = format!(
        "with found as ({found}), surest as (select min(way) as way from found)
         select found.customer_id, case found.way {} end as found_by{} from found
         join surest on surest.way = found.way {} order by found.customer_id",
        WAYS.iter().enumerate().map(|(n, way)| format!("when {n} then {} ", quoted(way))).collect::<String>(),
        shown.columns,
        shown.join,
    );
    let frame = session.sql(&sql).await.doing(doing)?;
    let customers = frame.cache().await.doing(doing)?;
    if customers.clone().count().await.doing(doing)? == 0 {
        return Err(Error::failed("no customer of the audiences is known by this").hint(
            "give a customer_id, the id of a record (a card, an account; source:id where several sources have it), \
             an e-mail address, a telephone number, or a first and a last name",
        ));
    }
    Ok(customers)
}

/// Returns the ids of customers that were found.
///
/// # Errors
/// When they cannot be read.
pub async fn ids(found: &DataFrame) -> Result<Vec<String>> {
    let batches = found.clone().collect().await.doing("look for the customer")?;
    let ids = batches.iter().flat_map(|batch| batch.column(0).as_string::<i32>().iter().flatten());
    Ok(ids.map(str::to_owned).collect())
}

/// A table that the audiences draw from, with those of the columns that it has.
struct Base {
    name: TableName,
    columns: Vec<&'static str>,
}

impl Base {
    fn has(&self, column: &str) -> bool {
        self.columns.contains(&column)
    }
}

/// The tables that say which records are a customer's, where the pipeline resolves identities.
struct IdentityTables {
    ids: Option<TableName>,
    former: Option<TableName>,
    persons: Option<TableName>,
}

impl IdentityTables {
    async fn of(catalog: &Catalog) -> Result<IdentityTables> {
        let mut found = Vec::new();
        for name in ["customer_ids", "former_customer_ids", "person_records"] {
            let name = TableName::new("core", name)?;
            found.push(catalog.table(&name).await?.map(|_| name));
        }
        let persons = found.pop().flatten();
        let former = found.pop().flatten();
        Ok(IdentityTables { ids: found.pop().flatten(), former, persons })
    }

    fn tables(&self) -> impl Iterator<Item = TableName> {
        [&self.ids, &self.former, &self.persons].into_iter().flatten().cloned()
    }
}

/// Returns the queries of all ways: `customer_id` as text, and the number of the way.
fn ways(who: &str, bases: &[Base], identity: &IdentityTables) -> Vec<String> {
    let word = quoted(who.trim());
    let hit = |from: &str, way: usize, condition: &str| {
        format!(
            "select cast(customer_id as varchar) as customer_id, {way} as way from {from} where {condition}"
        )
    };
    let decisions = table(DECISIONS).to_string();
    let mut ways = vec![hit(&decisions, 0, &format!("cast(customer_id as varchar) = {word}"))];
    if let Some(former) = &identity.former {
        ways.push(hit(&former.to_string(), 0, &format!("customer_id is not null and former_id = {word}")));
    }
    if let Some(ids) = &identity.ids {
        let ids_are = |column: &str| format!("{NORMAL}({column}) = {NORMAL}({word})");
        let whole = ids_are("concat(source, ':', record_id)");
        ways.push(hit(&ids.to_string(), 1, &format!("{} or {whole}", ids_are("record_id"))));
    }
    let same = |way: usize, from: &str, standard: &dyn Fn(&str) -> String, column: &str| {
        hit(from, way, &format!("{} = {}", standard(column), standard(&word)))
    };
    let email = |text: &str| format!("standard_email(cast({text} as varchar))");
    // With or without the code of the country: its last eight digits tell a number from others.
    let phone = |text: &str| {
        let digits = format!("regexp_replace(cast({text} as varchar), '[^0-9]', '', 'g')");
        format!("case when length({digits}) >= 8 then right({digits}, 8) end")
    };
    let is_phone = who.chars().all(|c| c.is_ascii_digit() || " +.-()/".contains(c));
    let name = |text: &str| format!("standard_last_name({text})");
    let mut sources: Vec<(String, Vec<&str>)> =
        bases.iter().map(|base| (base.name.to_string(), base.columns.clone())).collect();
    if let (Some(ids), Some(persons)) = (&identity.ids, &identity.persons) {
        let of_records = format!(
            "(select i.customer_id, p.* from {persons} as p \
             join {ids} as i on i.source = p.source and i.record_id = p.record_id) as records"
        );
        sources.push((of_records, KNOWN_BY.to_vec()));
    }
    for (from, columns) in &sources {
        if columns.contains(&"email") {
            ways.push(same(2, from, &email, "email"));
        }
        if is_phone && columns.contains(&"phone") {
            ways.push(same(3, from, &phone, "phone"));
        }
        if columns.contains(&"first_name") && columns.contains(&"last_name") {
            ways.push(same(4, from, &name, "concat(first_name, ' ', last_name)"));
            ways.push(same(4, from, &name, "concat(last_name, ' ', first_name)"));
            ways.push(same(4, from, &name, "last_name"));
        }
    }
    ways
}

/// What is shown of the customers beside their ids.
struct Shown {
    columns: String,
    join: String,
}

/// The columns of the first table that has any, for people to choose by.
fn shown(bases: &[Base]) -> Shown {
    match bases.iter().find(|base| !base.columns.is_empty()) {
        None => Shown { columns: String::new(), join: String::new() },
        Some(base) => Shown {
            columns: ["first_name", "last_name", "email", "phone"]
                .into_iter()
                .filter(|column| base.has(column))
                .map(|column| format!(", shown.{column}"))
                .collect(),
            join: format!(
                "left join {} as shown on cast(shown.customer_id as varchar) = found.customer_id",
                base.name
            ),
        },
    }
}

/// Returns the tables in `from` of all audiences of the release.
async fn bases(catalog: &Catalog) -> Result<Vec<Base>> {
    let definitions = table(DEFINITIONS);
    let doing = "read how the audiences are declared";
    let session: Session = catalog.session([&definitions], None).await?;
    let sql = format!("select distinct tables from {definitions} order by tables");
    let batches = session.sql(&sql).await.doing(doing)?.collect().await.doing(doing)?;
    let mut bases: Vec<Base> = Vec::new();
    for batch in &batches {
        for name in batch.column(0).as_string::<i32>().iter().flatten().flat_map(|names| names.split(", ")) {
            let name: TableName = name.parse()?;
            let Some(found) = catalog.table(&name).await? else { continue };
            if bases.iter().any(|base| base.name == name) {
                continue;
            }
            let is_text = |column: &&str| {
                let field = found.schema.field_with_name(column);
                field.is_ok_and(|field| {
                    matches!(field.data_type(), DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8)
                })
            };
            bases.push(Base { columns: KNOWN_BY.into_iter().filter(is_text).collect(), name });
        }
    }
    Ok(bases)
}
