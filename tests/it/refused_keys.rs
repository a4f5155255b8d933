//! Unusable keys join no records, and neither do keys that many share: at every size, with and without person
//! records.

use crate::project::Project;

/// Persons of one source with the keys of a file `id,kind,value`, beside what `identity` declares; `names`
/// are the persons' first and last names, where they have any.
fn persons(identity: &str, keys: &str, names: Option<&str>) -> Project {
    let records = names.map_or("", |_| "records = \"channel.persons\"");
    let project = Project::new(&format!(
        r#"
        as_of = "2026-07-01"
        [sources.keys]
        path = "keys.csv"
        format = "csv"
        static = true
        [sources.keys.columns]
        source = "text"
        id = "text"
        kind = "text"
        value = "text"
        [sources.names]
        path = "names.csv"
        format = "csv"
        static = true
        [sources.names.columns]
        id = "text"
        first_name = "text"
        last_name = "text"
        [identity]
        keys = "channel.person_keys"
        {records}
        {identity}
        "#
    ));
    project.file("keys.csv", format!("source,id,kind,value\n{keys}"));
    project.file("names.csv", format!("id,first_name,last_name\n{}", names.unwrap_or("1,a,b\n")));
    project.model(
        "channel.person_keys",
        "select source, id as record_id, kind as key_kind, coalesce(value, '') as key_value from raw.keys",
    );
    project.model(
        "channel.persons",
        "select 'shop' as source, id as record_id, first_name, last_name from raw.names",
    );
    project
        .model("mart.customers", "select customer_id, count(*) as records from core.customer_ids group by 1");
    project.properties("mart.customers", "key = [\"customer_id\"]\n");
    project
}

fn sizes(project: &Project) -> String {
    project.query("select count(*), max(records) from mart.customers").remove(0)
}

#[test]
fn what_says_nothing_joins_nobody_and_the_run_says_so_without_the_value() {
    const NOTHING: [&str; 14] = [
        "",
        " ",
        "\u{a0}",
        "N/A",
        "n/a",
        "0000000000",
        "9999999999",
        "unknown",
        "test@test.com",
        "-",
        "none",
        "NULL",
        "xxx",
        "\"2,97461E+12\"",
    ];
    let mut keys = String::new();
    for n in 0..60 {
        keys.push_str(&format!("shop,{n},email,{}\n", NOTHING[n % NOTHING.len()]));
        // Two records a person, joined by what does say something.
        keys.push_str(&format!("shop,{n},card,K{}\n", n / 2));
    }
    let project = persons("", &keys, None);
    let ran = project.run(&[]).published();
    assert_eq!(sizes(&project), "30,2");
    for part in ["keys of the kind email", "join no records", "core.refused_keys", "a spreadsheet wrote them"]
    {
        assert!(
            ran.stdout.contains(part) || ran.stderr.contains(part),
            "{part}: {} {}",
            ran.stdout,
            ran.stderr
        );
    }
    for value in ["2,97461", "test@test", "0000000000"] {
        assert!(
            !ran.stdout.contains(value) && !ran.stderr.contains(value),
            "{value}: {} {}",
            ran.stdout,
            ran.stderr
        );
    }
    let refused = project.query("select reason, count(*) from core.refused_keys group by 1 order by 1");
    assert_eq!(
        refused,
        [
            "a spreadsheet's exponent,1",
            "blank,4",
            "\"one digit repeated, or digits in a row\",2",
            "placeholder,7"
        ]
    );
    // CSV reads the empty cell as no value, the model makes a text of it.
    assert_eq!(project.query("select sum(records) from core.refused_keys"), ["60"]);
}

#[test]
fn a_pipeline_has_placeholders_of_its_own() {
    let keys: String = (0..9).map(|n| format!("shop,{n},card,Sans Carte\n")).collect();
    assert_eq!(
        {
            let project = persons("", &keys, None);
            project.run(&[]).published();
            sizes(&project)
        },
        "9,1",
        "the shipped list knows it"
    );
    let keys: String = (0..9).map(|n| format!("shop,{n},card,Caisse 7\n")).collect();
    let project = persons("", &keys, None);
    project.run(&[]).published();
    assert_eq!(sizes(&project), "1,9");
    let project = persons("placeholders = [\"caisse 7\"]", &keys, None);
    project.run(&[]).published();
    assert_eq!(sizes(&project), "9,1");
    persons("placeholders = [\"--\"]", &keys, None).run(&[]).refused(2, &["`--` has no letter and no digit"]);
}

#[test]
fn a_key_that_many_records_of_one_source_hold_joins_nobody_unless_they_are_events() {
    let of = |many: usize| (0..many).map(|n| format!("till,{n},card,K1\n")).collect::<String>();
    for (many, identity, expected) in [
        (20, "", "1,20"),
        (21, "", "21,1"),
        (3000, "", "3000,1"),
        (3000, "max_key_records = { till = 3000 }", "1,3000"),
        (3001, "max_key_records = { till = 3000 }", "3001,1"),
        (40, "max_key_records = { web = 3000 }", "40,1"),
        (40, "max_key_persons = 40", "1,40"),
    ] {
        let project = persons(identity, &of(many), None);
        let ran = project.run(&[]).published();
        assert_eq!(sizes(&project), expected, "{many} {identity}");
        // The line of progress is cut; the history has all of it.
        let history = project.verb(&["history", "1", "--format", "json"]).published().stdout;
        let message = history.contains("max_key_records");
        assert_eq!(message, expected.ends_with(",1"), "{} {}", ran.stdout, ran.stderr);
    }
    // Of two sources each within the limit.
    let two: String =
        (0..40).map(|n| format!("{},{n},card,K1\n", if n % 2 == 0 { "till" } else { "web" })).collect();
    let project = persons("", &two, None);
    project.run(&[]).published();
    assert_eq!(sizes(&project), "1,40");
}

#[test]
fn with_names_a_key_is_shared_by_names_and_records_without_one_count_by_themselves() {
    let keys: String = (0..30).map(|n| format!("shop,{n},email,info@shop.example\n")).collect();
    let one_name: String = (0..30).map(|n| format!("{n},Ada,Lovelace\n")).collect();
    let many_names: String =
        (0..30).map(|n| format!("{n},First{n}x,Last{}\n", (b'a' + n as u8 % 26) as char)).collect();
    let no_names: String = (0..30).map(|n| format!("{n},,\n")).collect();
    for (names, expected) in [(&one_name, "1,30"), (&many_names, "30,1"), (&no_names, "30,1")] {
        let project = persons("", &keys, Some(names));
        project.run(&[]).published();
        assert_eq!(sizes(&project), expected, "{names}");
    }
    // Records that say nothing of a person, among those that do.
    let tickets: String = (0..30).map(|n| format!("till,{n},email,info@shop.example\n")).collect();
    let project =
        persons("", &format!("{tickets}shop,1,email,info@shop.example\n"), Some("1,Ada,Lovelace\n"));
    project.run(&[]).published();
    assert_eq!(sizes(&project), "31,1");
}

#[test]
fn a_record_whose_id_says_nothing_brings_nobody_together() {
    let keys: String = (0..12)
        .map(|n| format!("web,N/A,email,p{n}@example.org\nshop,{n},email,p{n}@example.org\n"))
        .collect();
    let project = persons("", &keys, None);
    let ran = project.run(&[]).published();
    assert_eq!(sizes(&project), "13,1");
    assert!((ran.stdout + &ran.stderr).contains("1 records have an unusable id"));
}

#[test]
fn placeholders_survive_in_no_golden_record_and_make_no_household() {
    let project = Project::new(
        r#"
        as_of = "2026-07-01"
        [sources.cards]
        path = "cards.csv"
        format = "csv"
        static = true
        [sources.cards.columns]
        id = "text"
        first_name = "text"
        last_name = "text"
        email = "text"
        phone = "text"
        street = "text"
        postcode = "text"
        language = "text"
        [identity]
        keys = "channel.keys"
        records = "channel.persons"
        country = "FR"
        placeholders = ["voir fiche"]
        [golden_record]
        records = "channel.persons"
        [golden_record.attributes]
        last_name = "longest"
        email = "longest"
        phone = "longest"
        street = "longest"
        postcode = "longest"
        language = "longest"
        [households]
        "#,
    );
    project.file(
        "cards.csv",
        "id,first_name,last_name,email,phone,street,postcode,language\n\
         1,Ada,Martin,noreply@noreply.fr,0000000000,voir fiche,00000,Voir Fiche\n\
         1b,Ada,Martin,ada@example.org,06 12 34 56 78,N/A,75001,fr\n\
         2,Bob,Martin,test@test.com,06 00 00 00 00,adresse inconnue,99999,n/a\n\
         3,Cleo,Martin,n/a,\"3,36123E+10\",inconnue,75001,unknown\n",
    );
    project.model("channel.keys", "select 'card' as source, id as record_id, 'card' as key_kind, substr(id, 1, 1) || 'K' as key_value from raw.cards");
    project.model("channel.persons", "select 'card' as source, id as record_id, * from raw.cards");
    project.run(&[]).published();
    assert_eq!(
        project.query(
            "select count(*), count(email), count(phone), count(street), count(postcode), count(language) from core.golden_records"
        ),
        ["3,1,1,0,2,1"]
    );
    assert_eq!(project.query("select max(members) from core.households"), ["1"]);
}
