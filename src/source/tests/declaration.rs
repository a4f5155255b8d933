//! Declarations: what is let through, and that all that is wrong is reported at once.

use super::declare;
use crate::source::{ColumnType, SourceDeclaration};

#[test]
fn a_source_is_declared_in_few_lines() {
    let source = declare(
        "path = \"x/*.csv\"\nformat = \"csv\"\nkey = [\"id\"]\n[columns]\nid = \"integer\"\nprice = \"decimal(12, 2)\"\n",
    )
    .check("web")
    .unwrap();
    assert_eq!(source.contract.columns[1].kind, ColumnType::Decimal { precision: 12, scale: 2 });
    assert!(!source.contract.columns[0].nullable, "a key is required");
    let schema = source.schema();
    let fields: Vec<String> =
        schema.fields().iter().map(|f| format!("{} {}", f.name(), f.data_type())).collect();
    assert_eq!(fields, ["id Int64", "price Decimal128(12, 2)", "_file Utf8", "_line Int64", "_version Utf8"]);
}

#[test]
fn all_that_is_wrong_is_reported_at_once() {
    let problems = declare(
        r#"
path = ""
format = "csv"
delimiter = "ab"
encoding = "klingon"
decimal = "x"
timezone = "Europe/Parys"
tolerance = 5.0
key = ["nobody"]
[columns]
Id = "integer"
_x = "text"
a = "decimal(40,2)"
b = "varchar"
c = { type = "date", format = "%d/%m" }
d = { type = "text", format = "%Y" }
e = { type = "timestamp", timezone = "Nowhere" }
"#,
    )
    .check("web")
    .unwrap_err();
    let mut keys: Vec<String> = problems.iter().map(|p| p.key.join(".")).collect();
    keys.sort();
    assert_eq!(
        keys,
        [
            "columns.Id",
            "columns._x",
            "columns.a.type",
            "columns.b.type",
            "columns.c.format",
            "columns.d.format",
            "columns.e.timezone",
            "decimal",
            "delimiter",
            "encoding",
            "key",
            "path",
            "timezone",
            "tolerance",
        ]
    );
}

#[test]
fn keys_of_another_format_and_unknown_keys_are_refused() {
    let problems =
        declare("path = \"x\"\nformat = \"parquet\"\ndelimiter = \";\"\n[columns]\na = \"text\"\n")
            .check("web")
            .unwrap_err();
    assert_eq!(problems[0].error.message(), "`delimiter` cannot be used with the format parquet");
    for (toml, expected) in [
        ("path = \"x\"\nformat = \"csv\"\nseparator = \";\"\n[columns]\n", "unknown field `separator`"),
        ("path = \"x\"\nformat = \"csv\"\n[columns]\na = { typ = \"text\" }\n", "unknown field `typ`"),
        ("path = \"x\"\nformat = \"csv\"\n[columns]\na = 3\n", "expected a type such as"),
    ] {
        let error = toml::from_str::<SourceDeclaration>(toml).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_file_without_header_needs_positions() {
    let problems = declare("path = \"x\"\nformat = \"csv\"\nheader = false\n[columns]\na = \"text\"\nb = { type = \"text\", from = 0 }\n")
        .check("web")
        .unwrap_err();
    assert_eq!(problems.len(), 2);
    assert_eq!(problems[0].key, ["columns", "a", "from"]);
}

#[test]
fn what_is_read_twice_is_blanked_twice() {
    let problems = declare(
        "path = \"x\"\nformat = \"jsonl\"\n[columns]\nemail = { type = \"text\", from = \"who.email\" }\n\
         mail_again = { type = \"text\", from = \"who.email\" }\nwho = \"text\"\nwhole = { type = \"text\", from = \"whom\" }\n\
         [person]\nkeys = { email = \"email\" }\nanonymise = [\"email\"]\n",
    )
    .check("web")
    .unwrap_err();
    let messages: Vec<String> = problems.iter().map(|p| p.error.to_string()).collect();
    assert_eq!(messages.len(), 2, "{messages:?}");
    for column in ["`mail_again`", "`who`"] {
        assert!(messages.iter().any(|messages| messages.starts_with(column)), "{column} in {messages:?}");
    }
}

#[test]
fn only_what_is_declared_and_not_blanked_is_harmless() {
    let source = declare(
        "path = \"x\"\nformat = \"csv\"\n[columns]\nemail = \"text\"\namount = \"integer\"\n\
         [person]\nkeys = { email = \"email\" }\nanonymise = [\"email\"]\n",
    )
    .check("web")
    .unwrap();
    let Some(crate::source::OnForget::Anonymise(blanked)) =
        source.contract.person.map(|person| person.on_forget)
    else {
        panic!("rows stay");
    };
    let has = ["email", "amount", "taken_in", "_file", "_run"].map(|column| blanked.has(column));
    assert_eq!(has, [true, false, true, false, false]);
}
