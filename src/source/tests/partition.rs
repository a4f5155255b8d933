//! Columns that are in the names of folders.

use super::super::{list, survey};
use super::{Fixture, runtime};

fn fixture(columns: &str, more: &str) -> Fixture {
    // A folder with all below it.
    Fixture::new(
        "",
        &format!(
            "format = \"csv\"\n{more}\n[columns]\na_id = {{ type = \"integer\", from = \"id\" }}\n{columns}\n"
        ),
    )
}

/// The errors of looking at all files, as the user sees them.
fn surveyed(fixture: &Fixture) -> Vec<String> {
    runtime().block_on(async {
        let mut errors = Vec::new();
        for file in list(&fixture.source).await.unwrap().files {
            if let Err(error) = survey(&fixture.source, &file).await {
                errors.push(error.to_string());
            }
        }
        errors
    })
}

#[test]
fn a_folder_gives_every_row_of_its_files_a_value() {
    let fixture = fixture(
        "c_day = { type = \"date\", from = { partition = \"day\" } }\ne_shop = { type = \"text\", from = { partition = \"shop\" } }",
        "",
    );
    fixture.write("day=2026-01-31/shop=Nice/a.csv", "id\n1\n2\n");
    fixture.write("day=2026-02-01/shop=__HIVE_DEFAULT_PARTITION__/a.csv", "id\nx\n3\n");
    fixture.write("day=2026-02-01/shop=A%2FB%20%25/a.csv", "id\n4\n");
    assert_eq!(surveyed(&fixture), Vec::<String>::new());
    let outcome = fixture.read();
    assert_eq!(
        outcome.table(),
        ["1|2026-01-31|Nice", "2|2026-01-31|Nice", "4|2026-02-01|A/B %", "3|2026-02-01|∅",]
    );
    assert_eq!(outcome.refused(), [(2, "a_id", "expected integer, found text of 1 character")]);
}

#[test]
fn the_path_may_name_the_folder_itself() {
    for path in ["day=2026-01-31/a.jsonl", "day=2026-01-31/*.jsonl", "day=2026-01-31/"] {
        let fixture = Fixture::new(
            path,
            "format = \"jsonl\"\n[columns]\na_id = { type = \"integer\", from = \"id\" }\nc_day = { type = \"text\", from = { partition = \"day\" } }\n",
        );
        fixture.write("day=2026-01-31/a.jsonl", "{\"id\":1}\n");
        assert_eq!(fixture.read().table(), ["1|2026-01-31"], "{path}");
    }
}

#[test]
fn a_folder_that_is_not_there_or_does_not_fit_stops_the_source() {
    let fixture =
        fixture("c_day = { type = \"date\", from = { partition = \"day\" }, nullable = false }", "");
    fixture.write("a.csv", "id\n1\n");
    fixture.write("day=2026-02-30/b.csv", "id\n1\n");
    fixture.write("day=__HIVE_DEFAULT_PARTITION__/c.csv", "id\n1\n");
    fixture.write("day=2026-01-01/day=2026-01-02/d.csv", "id\n1\n");
    let errors = surveyed(&fixture);
    assert_eq!(errors.len(), 4, "{errors:#?}");
    assert!(errors[0].contains("the file is in no folder `day=…`"), "{errors:#?}");
    assert!(errors[1].contains("more than one folder `day=…`"), "{errors:#?}");
    assert!(
        errors[2].contains("the folder `day=…` does not fit the column c_day: expected date"),
        "{errors:#?}"
    );
    assert!(errors[3].contains("found no value in a required column"), "{errors:#?}");
    // Whoever reads without looking first meets the same.
    assert!(fixture.error().contains("is in no folder"));
}

#[test]
fn a_folder_that_nobody_declared_is_an_undeclared_column() {
    let undeclared = fixture("", "");
    undeclared.write("country=FR/a.csv", "id\n1\n");
    let errors = surveyed(&undeclared);
    assert!(errors[0].contains("a folder `country=…`, an undeclared column"), "{errors:?}");
    assert!(errors[0].contains("from = { partition = \"country\" }"), "{errors:?}");
    for more in ["on_drift = \"ignore\"", "ignore_columns = [\"country\"]"] {
        let borne = fixture("", more);
        borne.write("country=FR/a.csv", "id\n1\n");
        assert_eq!(surveyed(&borne), Vec::<String>::new());
        assert_eq!(borne.read().table(), ["1"]);
    }
}

#[test]
fn a_column_of_the_files_with_the_name_of_a_folder_may_be_ignored() {
    let fixture =
        fixture("b_day = { type = \"text\", from = { partition = \"day\" } }", "ignore_columns = [\"day\"]");
    fixture.write("day=2026-01-31/a.csv", "id,day\n1,2026-02-01\n");
    assert_eq!(surveyed(&fixture), Vec::<String>::new());
    assert_eq!(fixture.read().table(), ["1|2026-01-31"]);
}
