//! Each person once on a list: the rows of tables in `from` are counted, tables in conditions may have any
//! number of rows, and nothing switches this check off.

use std::fs;
use std::path::{Path, PathBuf};

use crate::shop::{CommandResult, query, sillage};

/// A club: members, their visits (several each), what they owe (one row each) and what they agreed to.
struct Club {
    folder: tempfile::TempDir,
}

const MEMBERS: &str = "customer_id,fee,town\nada,30,Lyon\nbea,20,\ncid,10,Lyon\ndov,,Nice\n";
const VISITS: &str = "customer_id,sport,at\nada,swim,2026-05-01T10:00:00Z\nada,box,2026-06-01T10:00:00Z\n\
                      bea,swim,2026-06-20T10:00:00Z\n,box,2026-06-21T10:00:00Z\ncid,box,2026-07-01T00:00:00Z\n";
const DEBTS: &str = "customer_id,owes,town\nada,0,Paris\nbea,5,Nice\ncid,7,\n";
const CONSENTS: &str = "customer_id,channel,granted,valid_from\nada,email,true,2026-01-01T00:00:00Z\n\
                        bea,email,true,2026-01-01T00:00:00Z\ncid,email,true,2026-01-01T00:00:00Z\n";

/// Everybody, by their fee.
const ALL: &str = "[audiences.all]\nfrom = [\"mart.members\"]\nwhere = \"true\"\nrank_by = \"fee\"\n\
                   channel = \"email\"\nconsent = false\n";

impl Club {
    fn new() -> Club {
        let club = Club { folder: tempfile::tempdir().unwrap() };
        club.data("members", MEMBERS);
        club.data("visits", VISITS);
        club.data("debts", DEBTS);
        club.data("consents", CONSENTS);
        club.model("mart/members", "select customer_id, fee, town from raw.members");
        club.model("mart/debts", "select customer_id, owes, town from raw.debts");
        club.model("mart/last_visits", "select customer_id, sport, at from raw.visits");
        club.model("core/visits", "select customer_id, sport, at from raw.visits");
        club.model("core/consents", "select customer_id, channel, granted, valid_from from raw.consents");
        club.properties("mart.members", "key = [\"customer_id\"]\n");
        club.properties("mart.debts", "key = [\"customer_id\"]\n");
        // A key has no empty value, and a visit may be nobody's.
        club.properties("mart.last_visits", "key = [\"at\"]\n");
        club.properties("core.visits", "time = \"at\"\n");
        club.declare(ALL);
        club
    }

    fn data(&self, source: &str, text: &str) {
        self.put(&format!("data/{source}.csv"), text);
    }

    fn model(&self, table: &str, sql: &str) {
        self.put(&format!("sql/{table}.sql"), sql);
    }

    fn properties(&self, table: &str, toml: &str) {
        self.put(&format!("sql/{}.toml", table.replace('.', "/")), toml);
    }

    fn put(&self, file: &str, text: &str) {
        let path = self.folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The pipeline with these sections.
    fn declare(&self, sections: &str) {
        let source = |name: &str, columns: &str| {
            let path = self.folder.path().join(format!("data/{name}.csv"));
            format!(
                "[sources.{name}]\npath = \"{}\"\nformat = \"csv\"\ncolumns = {{ {columns} }}\n",
                path.display()
            )
        };
        let text = [
            "name = \"club\"\nas_of = \"2026-07-01\"\nmodels = \"sql\"\n",
            &source("members", "customer_id = \"text\", fee = \"integer\", town = \"text\""),
            &source("visits", "customer_id = \"text\", sport = \"text\", at = \"timestamp\""),
            &source("debts", "customer_id = \"text\", owes = \"integer\", town = \"text\""),
            &source(
                "consents",
                "customer_id = \"text\", channel = \"text\", granted = \"boolean\", valid_from = \"timestamp\"",
            ),
            sections,
        ]
        .concat();
        self.put("pipelines/club.toml", &text);
    }

    fn pipeline(&self) -> PathBuf {
        self.folder.path().join("pipelines/club.toml")
    }

    fn warehouse(&self) -> PathBuf {
        self.folder.path().join("warehouse")
    }

    fn verb(&self, words: &[&str]) -> CommandResult {
        let warehouse = self.warehouse();
        let place = ["--warehouse", warehouse.to_str().unwrap()];
        sillage(words.iter().chain(&place))
    }

    fn run(&self, more: &[&str]) -> CommandResult {
        // Each night reads its files again, so that a test may change them.
        let pipeline = self.pipeline();
        let words = ["run", pipeline.to_str().unwrap(), "--full-refresh"];
        self.verb(&words.iter().chain(more).copied().collect::<Vec<_>>())
    }

    /// Who is on the list of an audience, in the order of rank.
    fn on(&self, audience: &str) -> Vec<String> {
        let sql =
            format!("select customer_id from mart.target_lists where audience = '{audience}' order by rank");
        lines(&self.warehouse(), &sql)
    }

    /// Draws everybody for whom a condition holds.
    fn drawn(&self, condition: &str) -> Vec<String> {
        self.declare(&ALL.replace("\"true\"", &format!("\"{condition}\"")).replace("\"fee\"", "\"1\""));
        self.run(&[]).published();
        self.on("all")
    }

    /// The run fails and says so.
    #[track_caller]
    fn refused(&self, code: i32, sections: &str, messages: &[&str]) {
        self.declare(sections);
        self.run(&[]).refused(code, messages);
    }
}

#[track_caller]
fn lines(warehouse: &Path, sql: &str) -> Vec<String> {
    query(warehouse, sql).lines().skip(1).map(str::to_owned).collect()
}

fn from(tables: &str) -> String {
    ALL.replace("\"mart.members\"", tables)
}

/// Everybody of these tables, ranked by what every table has.
fn everybody_of(tables: &str) -> String {
    from(tables).replace("rank_by = \"fee\"", "rank_by = \"1\"")
}

#[test]
fn a_table_with_several_rows_of_a_customer_is_refused_with_how_many() {
    let club = Club::new();
    let messages = "mart.last_visits is not one row per customer: 1 customer has 2 of its 5 rows";
    let nobody = "mart.last_visits has 1 row without a customer_id";
    for tables in ["\"mart.last_visits\"", "\"mart.members\", \"mart.last_visits\""] {
        club.refused(
            1,
            &everybody_of(tables),
            &[messages, nobody, "audience all › from", "exists (select 1 from"],
        );
    }
    // A key may be declared, and even be meant: the rows are counted all the same.
    club.declare(&from("\"mart.members\", \"mart.debts\""));
    club.data("debts", &format!("{DEBTS}ada,3,Lyon\nbea,4,Lyon\nbea,5,Lyon\n"));
    club.run(&[]).refused(1, &["mart.debts is not one row per customer: 2 customers have 5 of its 6 rows"]);
    assert!(!club.warehouse().join("mart/target_lists").exists(), "a list was drawn");
}

#[test]
fn a_table_that_the_run_leaves_out_is_counted_too() {
    let club = Club::new();
    club.data("debts", &format!("{DEBTS}ada,3,Lyon\n"));
    // Without its key nothing says that the table has two rows of ada.
    club.model("core/debts", "select customer_id, owes from raw.debts");
    club.model("mart/debts", "select customer_id, max(owes) as owes from raw.debts group by customer_id");
    club.run(&[]).published();
    club.declare(&from("\"mart.members\", \"core.debts\""));
    for selected in [["--select", "audiences"], ["--exclude", "core.debts"]] {
        club.run(&selected)
            .refused(1, &["core.debts is not one row per customer: 1 customer has 2 of its 4 rows"]);
    }
}

#[test]
fn one_table_of_many_audiences_is_reported_once_and_all_that_is_wrong_at_once() {
    let club = Club::new();
    let more = |name: &str, tables: &str| {
        everybody_of(tables).replace("audiences.all", &format!("audiences.{name}"))
    };
    club.data("members", &format!("{MEMBERS},1,Nice\n  ,2,Nice\n"));
    club.declare(
        &[more("one", "\"mart.members\", \"mart.last_visits\""), more("two", "\"mart.last_visits\"")]
            .concat(),
    );
    let ran = club.run(&[]);
    assert_eq!(
        ran.stderr.matches("mart.last_visits is not one row per customer").count(),
        1,
        "{}",
        ran.stderr
    );
    ran.refused(
        1,
        &[
            "audiences one, two › from",
            "mart.members has 2 rows without a customer_id",
            "audience one › from",
        ],
    );
}

#[test]
fn tables_join_by_ids_of_one_type() {
    let club = Club::new();
    club.model("mart/debts", "select 1 as customer_id, owes from raw.debts where customer_id = 'ada'");
    let both = from("\"mart.members\", \"mart.debts\"");
    club.refused(2, &both, &["the customer_id of mart.members is text, that of mart.debts is integer"]);
    club.model("mart/debts", "select cast(owes as double) as customer_id, owes from raw.debts");
    club.refused(2, &both, &["the customer_id of mart.debts is float"]);
    club.model("mart/debts", "select customer_id as id, owes from raw.debts");
    club.declare(&both);
    club.properties("mart.debts", "key = [\"id\"]\n");
    club.run(&[]).refused(2, &["mart.debts has no column `customer_id`", "the columns are id, owes"]);
    club.refused(
        2,
        &from("\"mart.members\", \"mart.members\""),
        &["audiences.all.from", "mart.members is listed twice"],
    );
}

#[test]
fn a_name_that_two_tables_have_is_ambiguous() {
    let club = Club::new();
    let both = from("\"mart.members\", \"mart.debts\"");
    let of = |condition: &str| both.replace("\"true\"", &format!("\"{condition}\""));
    let ambiguous = [
        "`town` is ambiguous: it could be that of mart.members or of mart.debts",
        "write members.town or debts.town",
    ];
    club.refused(2, &of("town = 'Lyon'"), &ambiguous);
    club.refused(2, &of("base.town = 'Lyon'"), &ambiguous);
    club.refused(2, &both.replace("rank_by = \"fee\"", "rank_by = \"length(town)\""), &ambiguous);
    club.refused(2, &format!("{both}export = [\"town\"]\n"), &ambiguous);
    club.refused(2, &of("debts.fee > 1"), &["mart.debts has no column `fee`"]);
    for (condition, on) in [
        ("members.town = 'Lyon'", vec!["ada", "cid"]),
        ("mart.debts.town = 'Nice'", vec!["bea"]),
        ("debts.customer_id is null", vec!["dov"]),
        ("MEMBERS.Town = 'Nice' and owes is null", vec!["dov"]),
        // In a subquery over it the table's name is the subquery's.
        (
            "exists (select 1 from mart.debts where debts.town = members.town and debts.customer_id <> base.customer_id)",
            vec!["dov"],
        ),
    ] {
        club.declare(&of(condition).replace("\"fee\"", "\"1\""));
        club.run(&[]).published();
        assert_eq!(club.on("all"), on, "{condition}");
    }
}

#[test]
fn conditions_ask_any_table_and_see_no_tomorrow() {
    let club = Club::new();
    for (condition, on) in [
        ("exists (select 1 from core.visits v where v.customer_id = base.customer_id)", vec!["ada", "bea"]),
        (
            "not exists (select 1 from core.visits v where v.customer_id = members.customer_id and v.sport = 'box')",
            vec!["bea", "cid", "dov"],
        ),
        ("customer_id in (select customer_id from core.visits where sport = 'swim')", vec!["ada", "bea"]),
        // A visit of nobody may be anybody's: SQL says null.
        ("customer_id not in (select customer_id from core.visits)", vec![]),
        (
            "customer_id not in (select customer_id from core.visits where customer_id is not null)",
            vec!["cid", "dov"],
        ),
        ("fee > 25 or customer_id not in (select customer_id from core.visits)", vec!["ada"]),
        (
            "(select count(*) from core.visits v where v.customer_id = base.customer_id) = 0",
            vec!["cid", "dov"],
        ),
        (
            "(select max(v.at) from core.visits v where v.customer_id = base.customer_id) > $as_of - interval '20 days'",
            vec!["bea"],
        ),
        ("fee > (select avg(fee) from mart.members)", vec!["ada"]),
        (
            "exists (select 1 from raw.visits v where v.customer_id = base.customer_id and v.at >= $as_of)",
            vec!["cid"],
        ),
    ] {
        assert_eq!(club.drawn(condition), on, "{condition}");
    }
    // A ranking may, too; who has no visit has no rank.
    club.declare(&ALL.replace(
        "\"fee\"",
        "\"(select count(*) from core.visits v where v.customer_id = base.customer_id)\"",
    ));
    club.run(&[]).published();
    assert_eq!(club.on("all"), ["ada", "bea", "cid", "dov"]);
}

#[test]
fn what_a_subquery_reads_is_a_part_of_the_graph() {
    let club = Club::new();
    let asks = "exclude = [{ reason = \"came\", where = \"customer_id in (select customer_id from core.visits)\" }]\n";
    club.declare(&format!("{ALL}{asks}"));
    let pipeline = club.pipeline();
    let plan = club.verb(&["plan", pipeline.to_str().unwrap(), "--select", "+audiences"]).published().stdout;
    assert!(plan.contains("core.visits") && plan.contains("(reads core.visits, mart.members)"), "{plan}");
    assert!(!plan.contains("mart.debts"), "{plan}");
    for (sections, messages) in [
        (
            format!("{ALL}{}", asks.replace("core.visits", "core.visit")),
            [
                "the audience all reads core.visit, which nothing makes",
                "audiences.all.exclude",
                "did you mean `core.visits`?",
            ],
        ),
        (
            format!("{ALL}{}", asks.replace("core.visits", "visits")),
            ["the table `visits` has no schema", "audiences.all.exclude", "core.visits"],
        ),
        (
            format!("{ALL}{}", asks.replace("core.visits", "mart.target_lists")),
            ["mart.target_lists is made by the audiences themselves", "audiences.all.exclude", "club.toml:"],
        ),
        (
            ALL.replace("\"fee\"", "\"(select max(x) from core.none)\""),
            ["the audience all reads core.none, which nothing makes", "audiences.all.rank_by", "club.toml:"],
        ),
    ] {
        club.refused(2, &sections, &messages);
    }
}

#[test]
fn subqueries_that_would_mean_something_else_are_refused() {
    let club = Club::new();
    for (condition, messages) in [
        ("exists (select 1 from core.visits v where v.sport = 'box')", "does not refer to the customer"),
        (
            "exists (select 1 from core.visits v where customer_id = customer_id)",
            "does not refer to the customer",
        ),
        // The inner table has no such column: it would be the customer's own.
        (
            "customer_id in (select customer_id from core.sports)",
            "`customer_id` would be the customer's column",
        ),
        (
            "exists (select 1 from core.visits v where v.customer_id = base.customer_id and fee > 3)",
            "`fee` would be the customer's column",
        ),
        (
            "exists (select 1 from core.visits v where v.customer_id = base.customer_id limit 1)",
            "LIMIT over the rows of one customer",
        ),
        (
            "exists (select count(*) from core.visits v where v.customer_id = base.customer_id)",
            "a total over the rows of one customer",
        ),
        (
            "(select v.sport from core.visits v where v.customer_id = base.customer_id) = 'box'",
            "cannot be computed for all customers at once",
        ),
        (
            "exists (select 1 from core.visits base where base.customer_id = 'ada')",
            "a table of a subquery is named `base`",
        ),
        ("3 > all (select fee from mart.members)", "`any` and `all` of a subquery are not supported"),
        ("row_number() over (order by fee) < 3", "reads more than one customer"),
        ("sum(fee) > 3", "reads more than one customer"),
        ("random() < 0.5", "random() changes from call to call"),
        ("now() > $as_of and fee > 3", "now() depends on when the run takes place"),
        ("(select sum(cast(fee as double)) from mart.members) > 3", "sum() adds floats"),
    ] {
        club.model("core/sports", "select distinct sport from raw.visits");
        let sections = ALL.replace("\"true\"", &format!("\"{condition}\""));
        club.refused(2, &sections, &[messages, "audience all"]);
    }
}

#[test]
fn every_condition_has_its_line_and_what_is_null_is_reported() {
    let club = Club::new();
    club.declare(&format!(
        "{}exclude = [{{ reason = \"from Lyon\", where = \"town = 'Lyon'\" }}]\n",
        ALL.replace(
            "where = \"true\"",
            "where = [\"fee  > 5\", { reason = \"never came\", where = \"customer_id in (select customer_id from \
             core.visits where customer_id is not null)\" }]"
        )
    ));
    let ran = club.run(&[]).published();
    let messages = ran.stderr + &ran.stdout;
    assert!(
        messages.contains("audience all: \"outside the rule: fee > 5\" is null for 1 customer, left off"),
        "{messages}"
    );
    assert!(
        messages.contains("audience all: \"from Lyon\" is null for 1 customer, not excluded by it"),
        "{messages}"
    );
    let fall =
        lines(&club.warehouse(), "select reason, customers from mart.list_waterfall order by position");
    assert_eq!(
        fall[..4],
        ["base,4", "outside the rule: fee > 5,1", "never came,1", "from Lyon,1"],
        "{fall:?}"
    );
    assert_eq!(fall.last().unwrap(), "on the list,1");
    let unknown =
        lines(&club.warehouse(), "select customer_id, unknown from mart.list_decisions order by customer_id");
    assert_eq!(unknown, ["ada,", "bea,from Lyon", "cid,", "dov,outside the rule: fee > 5"]);
    for (entry, messages) in [
        ("where = []", "the audience has no condition"),
        ("where = [{ reason = \" \", where = \"true\" }]", "a condition has no reason"),
        ("where = [\"fee > 5\", \"fee > 5\"]", "the reason \"outside the rule: fee > 5\" is used twice"),
        ("where = [{ reason = \"x\" }]", "expected a condition"),
    ] {
        club.refused(2, &ALL.replace("where = \"true\"", entry), &[messages]);
    }
}

#[test]
fn a_list_has_only_people_who_can_be_reached_unless_it_says_otherwise() {
    let club = Club::new();
    let reach = |more: &str| {
        club.declare(&format!("{ALL}{more}\n"));
        club.run(&[]).published()
    };
    // Nothing in the club is an address: that nobody looks is said.
    let ran = reach("");
    assert_eq!(club.on("all"), ["ada", "bea", "cid"]);
    let silent = "audience all: nobody checks who can be reached by email: no table has a column `email`; name it in \
                  `reachable`, or say false";
    assert!(ran.stderr.contains(silent), "{}", ran.stderr);
    assert!(!reach("reachable = false").stderr.contains("nobody checks"));
    // A column of another name, and a condition of one's own.
    let ran =
        reach("reachable = { email = \"concat(customer_id, case when town = 'Lyon' then '@club.fr' end)\" }");
    assert!(!ran.stderr.contains("nobody checks"), "{}", ran.stderr);
    assert_eq!(club.on("all"), ["ada", "cid"]);
    let fall =
        || lines(&club.warehouse(), "select reason, customers from mart.list_waterfall order by position");
    assert!(fall().contains(&"no usable e-mail address,2".to_owned()), "{:?}", fall());
    reach("reachable = \"town is null\"");
    assert_eq!(club.on("all"), ["bea"]);
    assert!(fall().contains(&"cannot be reached by email,3".to_owned()), "{:?}", fall());
    // What came back tomorrow has not come back yet.
    club.model(
        "core/bounces",
        "select 'E-Mail' as channel, 'ADA@club.fr' as address, timestamp '2026-06-30' as valid_from
         union all select 'email', 'cid@club.fr', timestamp '2026-07-02' union all select 'fax', 'x', timestamp '2026-06-01'
         union all select 'email', 'bea@club.fr', null",
    );
    let ran = reach("reachable = { email = \"concat(customer_id, '@club.fr')\" }");
    assert_eq!(club.on("all"), ["bea", "cid"]);
    assert!(fall().contains(&"e-mail address bounced,1".to_owned()), "{:?}", fall());
    assert!(ran.stderr.contains("core.bounces: the channel fax is none of"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("core.bounces: rows without valid_from, which are ignored: 1"),
        "{}",
        ran.stderr
    );
    for (wrong, messages) in [
        ("reachable = { email = \"mail\" }", ["audience all", "mail"]),
        ("reachable = { email = \"a\", phone = \"b\" }", ["one kind of address", "club.toml:"]),
        ("reachable = { street = \"town\" }", ["a part of the address has no column", "postcode"]),
        ("reachable = { fax = \"town\" }", ["expected true, false, a condition", "club.toml:"]),
        ("reachable = 7", ["expected true, false, a condition", "club.toml:"]),
        ("reachable = \"fee\"", ["audience all", "expected a condition that is true or false"]),
    ] {
        club.refused(2, &format!("{ALL}{wrong}\n"), &messages);
    }
    let pushed = ALL.replace("\"email\"", "\"push\"");
    club.refused(2, &format!("{pushed}reachable = true\n"), &["to be reached by push is not known"]);
    club.declare(&pushed);
    assert!(club.run(&[]).published().stderr.contains("nobody checks who can be reached by push"));
}

#[test]
fn explain_says_what_decided_and_takes_what_people_know_of_a_customer() {
    let club = Club::new();
    club.model(
        "mart/members",
        "select customer_id, fee, town, concat(customer_id, '@club.fr') as email, customer_id as first_name,
           'Duval' as last_name, case customer_id when 'ada' then '+33612345678' end as phone from raw.members",
    );
    club.declare(&ALL.replace("consent = false", "consent = true").replace(
        "where = \"true\"",
        "where = [{ reason = \"small fee\", where = \"fee > 10 and town is not null\" }]",
    ));
    club.run(&[]).published();
    let explain = |who: &str| club.verb(&["audience", "explain", who, "--format", "csv"]);
    let cid = "audience,reason,condition,found,consent,rank,score,unknown,warning\n\
               all,small fee,fee > 10 and town is not null,\"fee = 10, town = Lyon\",yes since 2026-01-01 00:00,,10.0,,\n";
    for who in ["cid", "CID@club.fr", "Duval Cid", "cid duval"] {
        assert_eq!(explain(who).published().stdout, cid, "{who}");
    }
    let ada = explain("06 12 34 56 78").published().stdout;
    assert!(ada.contains("all,on the list,,,yes since 2026-01-01 00:00,1,30.0,"), "{ada}");
    assert!(explain("dov").published().stdout.contains("never asked"));
    let several = explain("duval");
    let several =
        several.refused(1, &["4 customers are known by this", "explain one of the customer ids above"]);
    assert!(several.stdout.contains("bea,name,bea,Duval,bea@club.fr,"), "{}", several.stdout);
    explain("zoe").refused(1, &["no customer of the audiences is known by this"]);
}

#[test]
fn who_is_off_already_is_not_asked_any_more() {
    let club = Club::new();
    club.data("members", "customer_id,fee,town\nada,0,Lyon\nbea,20,\n");
    let rules = "where = [\"fee > 0\", \"100 / fee > 3\"]";
    club.declare(&ALL.replace("where = \"true\"", rules));
    club.run(&[]).published();
    assert_eq!(club.on("all"), ["bea"]);
    // What cannot be computed is named by audience and key.
    club.refused(
        1,
        &format!("{}\n{}", ALL, ALL.replace(".all", ".other").replace("\"true\"", "\"100 / fee > 3\"")),
        &["audience other › where", "divides by zero"],
    );
}

#[test]
fn what_cannot_be_computed_is_named_by_the_key_that_asks_it() {
    let club = Club::new();
    club.data("members", "customer_id,fee,town\nada,0,Lyon\nbea,20,\n");
    let dear =
        "exists (select 1 from mart.members as m where m.customer_id = base.customer_id and 100 / m.fee > 3)";
    for (from, to, place) in [
        (
            "where = \"true\"",
            format!("where = [\"true\", {{ reason = \"dear\", where = \"{dear}\" }}]"),
            "where \"dear\"",
        ),
        (
            "where = \"true\"",
            format!("where = \"true\"\nexclude = [{{ reason = \"dear\", where = \"{dear}\" }}]"),
            "exclude \"dear\"",
        ),
        ("\"fee\"", "\"100 / fee\"".to_owned(), "rank_by"),
    ] {
        assert!(ALL.contains(from));
        club.refused(1, &ALL.replace(from, &to), &[&format!("audience all › {place}"), "divides by zero"]);
    }
}

#[test]
fn numbers_rank_as_what_they_are() {
    let club = Club::new();
    let rank = |column: &str, values: &[(&str, &str)]| -> Vec<String> {
        let rows: Vec<String> = values
            .iter()
            .map(|(id, value)| format!("select '{id}' as customer_id, {value} as worth"))
            .collect();
        club.model("mart/members", &rows.join(" union all "));
        club.declare(&ALL.replace("\"fee\"", &format!("\"{column}\"")));
        club.run(&[]).published();
        club.on("all")
    };
    // A mart keeps no such numbers; a ranking may make them.
    let odd = [
        ("a", "'Infinity'"),
        ("b", "'NaN'"),
        ("c", "'2.5'"),
        ("d", "'-Infinity'"),
        ("e", "'-0.0'"),
        ("f", "'0.0'"),
        ("g", "null"),
        ("h", "'-NaN'"),
        ("i", "'-1'"),
    ];
    assert_eq!(rank("cast(worth as double)", &odd), ["c", "e", "f", "i"], "a minus before zero is none");
    let reasons = |reason: &str| {
        let sql =
            format!("select customer_id from mart.list_decisions where reason like '{reason}%' order by 1");
        lines(&club.warehouse(), &sql).concat()
    };
    assert_eq!(reasons("no rank: the ranking expression is infinite"), "abdh");
    assert_eq!(reasons("no rank: the ranking expression is null"), "g");
    // Beyond what a float tells apart.
    let whole = [("a", "9007199254740992"), ("b", "9007199254740993"), ("c", "9007199254740994")];
    assert_eq!(rank("worth", &whole), ["c", "b", "a"]);
    let exact = |text: &str| format!("cast('{text}' as decimal(38,10))");
    let cents = [("a", exact("900719925474099.0000000001")), ("b", exact("900719925474099.0000000002"))];
    let cents: Vec<(&str, &str)> = cents.iter().map(|(id, value)| (*id, value.as_str())).collect();
    assert_eq!(rank("worth", &cents), ["b", "a"]);
    assert_eq!(rank("-worth", &cents), ["a", "b"]);
    assert_eq!(rank("null", &cents), Vec::<String>::new());
    assert_eq!(rank("7", &whole), ["a", "b", "c"], "of equal ones the first by id");
}

#[test]
fn a_careless_no_is_a_no_and_a_careless_yes_is_none() {
    let club = Club::new();
    let rows = [
        ("ada", "email", "true", "2026-01-01T00:00:00Z"),
        ("ada", "E-Mail", "false", "2026-02-01T00:00:00Z"),
        ("bea", "Email", "true", "2026-02-01T00:00:00Z"),
        ("cid", "email", "true", "2026-01-01T00:00:00Z"),
        // Said at the instant of the night: not known yet.
        ("cid", "email", "false", "2026-07-01T00:00:00Z"),
        ("dov", "email", "true", "2026-03-01T00:00:00Z"),
        ("dov", "", "false", "2026-02-01T00:00:00Z"),
        ("eve", "email", "true", "2026-01-01T00:00:00Z"),
        ("eve", "email", "", "2026-02-01T00:00:00Z"),
        ("fay", "email", "true", "2026-01-01T00:00:00Z"),
        ("fay", "", "false", "2026-02-01T00:00:00Z"),
        ("gus", "email", "true", "2026-01-01T00:00:00Z"),
        ("gus", "email", "false", "2026-01-01T00:00:00Z"),
        ("", "email", "false", "2026-01-01T00:00:00Z"),
        ("hal", "post", "true", "2026-01-01T00:00:00Z"),
    ];
    let people = "adabeaciddovevefaygushal";
    let members: String = (0..8).map(|n| format!("{},{n},Lyon\n", &people[n * 3..n * 3 + 3])).collect();
    club.data("members", &format!("customer_id,fee,town\n{members}"));
    let consents: String =
        rows.iter().map(|(id, channel, yes, at)| format!("{id},{channel},{yes},{at}\n")).collect();
    club.data("consents", &format!("customer_id,channel,granted,valid_from\n{consents}"));
    let asks = ALL.replace("consent = false\n", "");
    club.declare(&asks);
    let ran = club.run(&[]).published();
    assert_eq!(club.on("all"), ["dov", "cid"]);
    let messages = ran.stderr + &ran.stdout;
    for line in [
        "core.consents: 1 row has no customer_id",
        "core.consents: 2 rows have no channel: a no is used for every channel, a yes for none",
        "core.consents: 1 row has no granted: read as a no",
        "the channel \"E-Mail\" is not \"email\"",
        "the channel \"Email\" is not \"email\"",
    ] {
        assert!(messages.contains(line), "`{line}` is not told in {messages}");
    }
    // A channel that nobody was asked by: an empty list, and a word about it.
    club.declare(&asks.replace("\"email\"", "\"sms\""));
    let ran = club.run(&[]).published();
    let messages = ran.stderr + &ran.stdout;
    assert!(
        messages.contains("nobody was asked for consent by sms, only by E-Mail, Email, email, post"),
        "{messages}"
    );
    assert!(club.on("all").is_empty());
    club.properties("core.consents", "static = true\n");
    club.refused(2, &asks, &["declared static", "valid_from"]);
}

#[test]
fn an_export_has_the_columns_it_names_and_every_person_once() {
    let club = Club::new();
    let with = |export: &str| format!("{}export = {export}\n", from("\"mart.members\", \"mart.debts\""));
    for (export, messages) in [
        ("[\"phone\"]", "no table in `from` has a column `phone`"),
        ("[\"fee\", \"fee\"]", "two columns of the export would be named `fee`"),
        ("[\"members.town\", \"debts.town\"]", "two columns of the export would be named `town`"),
        ("[\"score\"]", "`score` is a column of every list"),
        ("[\"members.phone\"]", "no table in `from` has a column `members.phone`"),
    ] {
        club.refused(2, &with(export), &[messages]);
    }
    club.declare(&with("[\"fee\", \"debts.town\"]"));
    club.run(&[]).published();
    let pipeline = club.pipeline();
    let export = ["audience", "export", "all", "--pipeline", pipeline.to_str().unwrap(), "--format", "csv"];
    let text = club.verb(&export).published().stdout;
    let rows: Vec<&str> = text.lines().collect();
    assert_eq!(rows[0], "audience,customer_id,channel,rank,score,is_control,fee,town");
    assert_eq!(
        rows[1..],
        [
            "all,ada,email,1,30.0,false,30,Paris",
            "all,bea,email,2,20.0,false,20,Nice",
            "all,cid,email,3,10.0,false,10,"
        ]
    );
    // The warehouse remembers what the pipeline declared.
    let alone = ["audience", "export", "all", "--format", "csv"];
    assert_eq!(club.verb(&alone).published().stdout, text);
    // A table that grew since the list was drawn would send a letter twice.
    club.data("debts", &format!("{DEBTS}ada,3,Lyon\n"));
    club.properties("mart.debts", "key = [\"customer_id\", \"owes\"]\n");
    club.run(&["--select", "raw.debts+", "--exclude", "audiences"]).published();
    club.verb(&export)
        .refused(1, &["mart.debts is not one row per customer: 1 customer has 2 of its 4 rows"]);
}

#[test]
fn the_checks_of_lists_are_asked_in_every_run_whatever_is_declared() {
    let club = Club::new();
    let weak = "checks = [{ unique = [\"audience\", \"customer_id\"], severity = \"warn\" }]\n";
    club.properties("mart.target_lists", weak);
    club.run(&[]).published();
    // Also where the audiences are left out.
    club.run(&["--select", "core.visits"]).published();
    for run in [1, 2] {
        let asked = lines(
            &club.warehouse(),
            &format!(
                "select table_name, check_name, severity from ops.checks where run = {run} and table_name in \
                 ('mart.target_lists', 'mart.list_decisions', 'mart.list_waterfall') and check_name not like \
                 'not_null%' order by 1, 2"
            ),
        );
        assert_eq!(
            asked,
            [
                "mart.list_decisions,\"unique audience, customer_id\",error",
                "mart.list_waterfall,adds up,error",
                "mart.list_waterfall,\"unique audience, position\",error",
                "mart.target_lists,\"unique audience, customer_id\",error",
            ],
            "run {run}"
        );
    }
    club.properties("mart.target_lists", "key = [\"customer_id\"]\n");
    club.run(&[]).refused(
        2,
        &["the key of mart.target_lists is audience, customer_id", "sql/mart/target_lists.toml:1"],
    );
}

#[test]
fn lists_that_do_not_hold_stop_a_run_that_leaves_the_audiences_out() {
    let club = Club::new();
    club.run(&[]).published();
    // Somebody else's models put other lists into the warehouse.
    let theirs = |name: &str, table: &str, key: &str, sql: &str| {
        club.put(&format!("other/sql/{table}.sql"), sql);
        club.put(&format!("other/sql/{table}.toml"), &format!("key = {key}\n"));
        let toml = format!("name = \"{name}\"\nas_of = \"2026-07-01\"\nmodels = \"sql\"\n");
        club.put("other/other.toml", &toml);
        let file = club.folder.path().join("other/other.toml");
        club.verb(&["run", file.to_str().unwrap()]).published();
        fs::remove_dir_all(club.folder.path().join("other/sql")).unwrap();
    };
    theirs(
        "twice",
        "mart/target_lists",
        "[\"rank\"]",
        "select 'all' as audience, 'ada' as customer_id, 'email' as channel, cast(1 as bigint) as rank,
           cast(30 as double) as score, false as is_control
         union all select 'all', 'ada', 'email', cast(2 as bigint), cast(30 as double), false",
    );
    let messages = [
        "the check unique audience, customer_id of mart.target_lists is broken by 1 row",
        "the check adds up of mart.list_waterfall is broken by 1 row",
        "cannot be switched off",
    ];
    club.run(&["--select", "core.visits"]).refused(1, &messages);
    let pipeline = club.pipeline();
    for more in [&[][..], &["--select", "core.visits"]] {
        let words: Vec<&str> = ["check", pipeline.to_str().unwrap()].iter().chain(more).copied().collect();
        club.verb(&words).refused(1, &["2 checks are broken"]);
    }
    // The audiences drawn again put it right.
    club.run(&["--select", "audiences"]).published();
    theirs(
        "lost",
        "mart/list_waterfall",
        "[\"audience\", \"position\"]",
        "select 'all' as audience, cast(0 as bigint) as position, 'base' as reason, cast(4 as bigint) as customers
         union all select 'all', cast(5 as bigint), 'control group', cast(0 as bigint)
         union all select 'all', cast(6 as bigint), 'on the list', cast(2 as bigint)",
    );
    club.run(&["--select", "core.visits"])
        .refused(1, &["the check adds up of mart.list_waterfall is broken by 3 rows"]);
}
