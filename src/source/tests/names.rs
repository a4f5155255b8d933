//! What columns are called: twice the same, otherwise than before, in letters that only look the same.

use super::{Fixture, declare, runtime};
use crate::source::{list, survey};

fn csv(options: &str, columns: &str, text: &str) -> Fixture {
    let fixture = Fixture::new("a.csv", &format!("format = \"csv\"\n{options}\n[columns]\n{columns}"));
    fixture.write("a.csv", text);
    fixture
}

/// What is remarked of the first file before it is read.
fn remarks(fixture: &Fixture) -> Vec<String> {
    runtime().block_on(async {
        let file = list(&fixture.source).await.unwrap().files.remove(0);
        survey(&fixture.source, &file).await.unwrap().remarks
    })
}

const CONTACTS: &str =
    "Record ID,Email,Phone,Phone,Email,\n1,ann@a.org,06,01,ann@b.org,\n2,bob@a.org,,02,,\n";

#[test]
fn a_header_that_occurs_twice_is_refused_with_both_places_and_the_way_out() {
    let columns =
        "id = { type = \"text\", from = \"Record ID\" }\nemail = { type = \"text\", from = \"Email\" }\n";
    for policy in ["fail", "ignore", "evolve"] {
        let error = csv(&format!("on_drift = \"{policy}\""), columns, CONTACTS).error();
        assert!(
            error.starts_with("the file has the column `Email` more than once: columns 2 and 5"),
            "{error}"
        );
        assert!(
            error.contains("hint: choose one: email with from = { name = \"Email\", nth = 1 }"),
            "{error}"
        );
        // Nothing is said of them beside.
        assert!(!error.contains("`Email` (column"), "{error}");
    }
}

#[test]
fn one_of_several_columns_of_a_name_is_chosen_by_its_number() {
    let columns = r#"
id = { type = "text", from = "Record ID" }
work = { type = "text", from = { name = "Email", nth = 2 } }
landline = { type = "text", from = { name = "Phone", nth = 2 } }
mobile = { type = "text", from = { name = "Phone", nth = 1 } }
"#;
    // The one that nobody declared is a column like any other.
    let error = csv("", columns, CONTACTS).error();
    assert!(error.starts_with("the file has a column that is not declared: `Email` (column 2)\n"), "{error}");
    for options in ["ignore_columns = [\"Email\"]", "on_drift = \"ignore\""] {
        let fixture = csv(options, columns, CONTACTS);
        assert_eq!(fixture.read().table(), ["1|ann@b.org|01|06", "2|∅|02|∅"]);
    }
    // One day the second is no longer there: the first does not take its place.
    let fixture =
        csv("ignore_columns = [\"Email\"]", columns, "Record ID,Email,Phone,Phone\n1,ann@a.org,06,01\n");
    assert!(fixture.error().starts_with("the file has no column `Email` (number 2 with that name); it has"));
    let fixture = csv("on_drift = \"ignore\"", columns, "Record ID,Email,Phone,Phone\n1,ann@a.org,06,01\n");
    assert_eq!(fixture.read().table(), ["1|∅|01|06"]);
    assert_eq!(remarks(&fixture), ["no column `Email` (number 2 with that name), read as null"]);
}

#[test]
fn a_file_has_one_of_the_names_that_a_column_had() {
    let columns =
        "id = \"text\"\nemail = { type = \"text\", from = [\"EmailAddress\", \"Email\", \"Mail\"] }\n";
    for header in ["id,EmailAddress", "id,Email", "Mail,id"] {
        let row = if header.starts_with("id") { "1,a@b.org" } else { "a@b.org,1" };
        let fixture = csv("", columns, &format!("{header}\n{row}\n"));
        assert_eq!(fixture.read().table(), ["1|a@b.org"], "{header}");
        assert_eq!(remarks(&fixture).len(), 0);
    }
    let error = csv("on_drift = \"ignore\"", columns, "id,Email,EmailAddress\n1,a,b\n").error();
    assert!(
        error.starts_with(
            "the file has `EmailAddress` (column 3) and `Email` (column 2), which are all declared as names of email"
        ),
        "{error}"
    );
    let error = csv("", columns, "id,courriel\n1,a\n").error();
    assert!(
        error.starts_with(
            "the file has no column `EmailAddress` or `Email` or `Mail`; it has `id`, `courriel`"
        ),
        "{error}"
    );
    let fixture = csv("on_drift = \"ignore\"", columns, "id,courriel\n1,a\n");
    assert_eq!(fixture.read().table(), ["1|∅"]);
    assert_eq!(remarks(&fixture), ["no column `EmailAddress` or `Email` or `Mail`, read as null"]);
    // A name nearly one of the former ones.
    let error = csv("", columns, "id,e-mail\n1,a\n").error();
    assert!(error.contains("`e-mail` (column 2)") && error.contains("was it renamed?"), "{error}");
}

#[test]
fn a_record_of_json_has_one_of_the_names_that_a_column_had() {
    let fixture = Fixture::new(
        "a.jsonl",
        "format = \"jsonl\"\n[columns]\nid = \"integer\"\nemail = { type = \"text\", from = [\"contact.email\", \"email\"] }\n",
    );
    fixture.write(
        "a.jsonl",
        "{\"id\":1,\"email\":\"old\"}\n{\"id\":2,\"contact\":{\"email\":\"new\"}}\n{\"id\":3}\n\
         {\"id\":4,\"email\":\"old\",\"contact\":{\"email\":\"new\"}}\n",
    );
    let outcome = fixture.read();
    assert_eq!(outcome.table(), ["1|old", "2|new", "3|∅"]);
    assert_eq!(outcome.refused(), [(4, "email", "found more than one of `contact.email` or `email`")]);
}

#[test]
fn names_that_look_the_same_are_the_same() {
    let columns =
        "id = { type = \"text\", from = \"N° client\" }\nname = { type = \"text\", from = \"prénom\" }\n";
    let decomposed = "N° client,pre\u{301}nom,Cafe\u{301}\n1,Zoe\u{301},x\n";
    let fixture = csv("ignore_columns = [\"Café\"]", columns, decomposed);
    // Names are brought into one form, values never.
    assert_eq!(fixture.read().table(), ["1|Zoe\u{301}"]);
    assert_eq!(remarks(&fixture), Vec::<String>::new());
    // The other way round: the declaration is decomposed.
    let fixture = csv(
        "ignore_columns = [\"Cafe\u{301}\"]",
        &columns.replace('é', "e\u{301}"),
        "N° client,prénom,Café\n1,Zoé,x\n",
    );
    assert_eq!(fixture.read().table(), ["1|Zoé"]);
    let fixture = csv("", columns, "N°\u{a0}client,\u{feff}prénom\u{200b}\n1,Zoé\n");
    assert_eq!(fixture.read().table(), ["1|Zoé"]);
    assert_eq!(
        remarks(&fixture),
        [
            "the name of column 1 contains no-break spaces or invisible characters: read as `N° client`",
            "the name of column 2 contains no-break spaces or invisible characters: read as `prénom`",
        ]
    );
    // Two that only look different are one name twice.
    let error = csv("", columns, "N° client,prénom,pre\u{301}nom\n1,a,b\n").error();
    assert!(error.starts_with("the file has the column `prénom` more than once: columns 2 and 3"), "{error}");
    // Case is no such thing, but it is near.
    let error = csv("", columns, "N° client,Prénom\n1,a\n").error();
    assert!(error.contains("no column `prénom`, but an undeclared column `Prénom` (column 2)"), "{error}");
}

#[test]
fn names_of_files_are_compared_in_one_form_too() {
    let columns = "id = \"text\"\n";
    for (pattern, file) in [
        ("été_*/r*.csv", "e\u{301}te\u{301}_2026/re\u{301}sumé.csv"),
        ("e\u{301}te\u{301}_*/r*.csv", "été_2026/résumé.csv"),
        ("été/**/*.csv", "e\u{301}te\u{301}/a/b.csv"),
        ("données/été.csv", "donne\u{301}es/e\u{301}te\u{301}.csv"),
        ("donne\u{301}es/été.csv", "données/e\u{301}té.csv"),
        ("données", "donne\u{301}es/a.csv"),
        ("données/", "donne\u{301}es/a.csv"),
    ] {
        let fixture = Fixture::new(pattern, &format!("format = \"csv\"\n[columns]\n{columns}"));
        fixture.write(file, "id\n1\n");
        assert_eq!(fixture.read().table(), ["1"], "{pattern} {file}");
    }
    // As it is written goes before what only looks the same.
    let fixture = Fixture::new("été.csv", &format!("format = \"csv\"\n[columns]\n{columns}"));
    fixture.write("été.csv", "id\ncomposed\n").write("e\u{301}te\u{301}.csv", "id\ndecomposed\n");
    assert_eq!(fixture.read().table(), ["composed"]);
}

#[test]
fn columns_stand_in_the_order_of_their_declaration() {
    let fixture =
        csv("", "zip = \"text\"\nage = \"integer\"\nname = \"text\"\n", "name,zip,age\nAnn,01000,7\n");
    assert_eq!(fixture.read().table(), ["01000|7|Ann"]);
    let names: Vec<String> = fixture.source.schema().fields().iter().map(|f| f.name().clone()).collect();
    assert_eq!(names, ["zip", "age", "name", "_file", "_line"]);
}

#[test]
fn where_a_column_is_must_make_sense() {
    let problems = |format: &str, columns: &str| -> Vec<String> {
        let toml = format!("path = \"x\"\nformat = {format}\n[columns]\n{columns}");
        let problems = declare(&toml).check("web").unwrap_err();
        problems.iter().map(|p| p.error.message().to_owned()).collect()
    };
    assert_eq!(
        problems(
            "\"csv\"",
            "a = { type = \"text\", from = [] }\nb = { type = \"text\", from = [\"x\", \"x \"] }\nc = { type = \"text\", from = { name = \"x\", nth = 0 } }\n"
        ),
        [
            "the list of names is empty",
            "the list contains a name twice",
            "columns with the same name are \
         counted from 1",
        ]
    );
    assert_eq!(
        problems("\"parquet\"", "a = { type = \"text\", from = { name = \"x\", nth = 2 } }\n"),
        ["`nth` cannot be used with the format parquet"]
    );
    assert_eq!(
        problems("\"jsonl\"\nragged = \"pad\"", "a = { type = \"text\", from = [\"x\", \"y.\"] }\n"),
        ["`ragged` cannot be used with the format jsonl", "a JSON path is a list of keys joined by dots"]
    );
    assert_eq!(
        problems("\"csv\"\nheader = false", "a = { type = \"text\", from = [\"x\", \"y\"] }\n"),
        ["a file without header has positions instead of names"]
    );
    // A number beside a header is a name.
    let error = csv("", "a = \"text\"\nb = { type = \"text\", from = 2 }\n", "a,b\n1,2\n").error();
    assert!(error.contains("`from = 2` means a column named `2`"), "{error}");
}
