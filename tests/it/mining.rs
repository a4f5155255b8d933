//! A pipeline may have several segmentations and propensities, of several kinds of outcome.

use crate::project::Project;
use crate::shop::shelf;

const PIPELINE: &str = r#"
timezone = "UTC"
as_of = "2026-07-01"

[sources.orders]
path = "orders/*.csv"
format = "csv"
time = "day"
columns = { customer_id = "text", day = "date", amount = "integer", channel = "text" }

[sources.contracts]
path = "contracts.csv"
format = "csv"
static = true
null = [""]
columns = { customer_id = "text", fee = "integer", cancelled = "boolean" }

# Not in the order of the alphabet on purpose: the first of the file is mart.segments.
[segments.spending]
features = "mart.features"
columns = ["amount"]
k = 2

[segments.contact]
features = "mart.features"
columns = ["web_share", "orders"]
k = 3

[propensity.returns]
features = "mart.features"
columns = ["orders", "amount"]
outcome = { event = "core.orders", window_days = 30, where = "channel = 'web'" }
cutoffs = ["2026-04-01", "2026-05-01", "2026-06-01"]

[propensity.stays_away]
features = "mart.features"
columns = ["orders", "amount"]
outcome = { absence_of = "core.orders", window_days = 30, where = "channel = 'web'" }
cutoffs = ["2026-04-01", "2026-05-01", "2026-06-01"]

[propensity.cancels]
features = "mart.contract_features"
columns = ["fee"]
outcome = { column = "cancelled" }
"#;

/// 600 customers: the first half orders on the web every month, of the others every fifth.
fn project(pipeline: &str) -> Project {
    let project = Project::new(pipeline);
    let mut orders = String::from("customer_id,day,amount,channel\n");
    let mut contracts = String::from("customer_id,fee,cancelled\n");
    for n in 0..600 {
        let is_regular = n < 300;
        for month in 1..=6 {
            let day = 1 + (n * 7 + month * 3) % 28;
            let on_web = if is_regular { (n + month) % 8 != 0 } else { (n + month) % 5 == 0 };
            let channel = if on_web { "web" } else { "shop" };
            let amount = if is_regular { 80 + n % 20 } else { 5 + n % 10 };
            orders.push_str(&format!("c{n:03},2026-{month:02}-{day:02},{amount},{channel}\n"));
        }
        // Every tenth contract says nothing of its end.
        let cancelled = if n % 10 == 0 {
            ""
        } else if (n / 100) % 2 == 0 {
            "true"
        } else {
            "false"
        };
        let fee = if (n / 100) % 2 == 0 { 50 + n % 30 } else { 20 + n % 45 };
        contracts.push_str(&format!("c{n:03},{fee},{cancelled}\n"));
    }
    project.file("orders/1.csv", orders);
    project.file("contracts.csv", contracts);
    project.model("core.orders", "select customer_id, day, amount, channel from raw.orders");
    project.model(
        "mart.features",
        "select customer_id, count(*) as orders, sum(amount) as amount,
            cast(count(*) filter (where channel = 'web') as double) / count(*) as web_share
         from core.orders group by customer_id",
    );
    project.model("mart.contract_features", "select customer_id, fee, cancelled from raw.contracts");
    project.properties("core.orders", "time = \"day\"\n");
    project.properties("mart.features", "key = [\"customer_id\"]\n");
    project.properties("mart.contract_features", "key = [\"customer_id\"]\n");
    project
}

#[test]
fn every_segmentation_has_its_table_and_the_first_of_the_file_is_the_plain_one() {
    let project = project(PIPELINE);
    project.run(&[]).published();
    let differ = "select count(*) from mart.segments s full join mart.segments_spending t using (customer_id)
                  where s.segment_id is distinct from t.segment_id";
    assert_eq!(project.query(differ), ["0"]);
    assert_eq!(project.query("select count(distinct segment_id), count(*) from mart.segments"), ["2,600"]);
    assert_eq!(
        project.query("select count(distinct segment_id), count(*) from mart.segments_contact"),
        ["3,600"]
    );
    // Each means its own columns.
    assert_eq!(
        project.query(
            "select segmentation, count(*), sum(customers), count(mean_amount), count(mean_web_share)
             from mart.segment_profiles group by 1 order by 1"
        ),
        ["contact,3,600,0,3", "spending,2,600,2,0"]
    );
    // A night with news goes on from each one's own centroids.
    project.file("orders/2.csv", "customer_id,day,amount,channel\nc000,2026-07-01,30,web\n");
    project.run(&["--as-of", "2026-07-03"]).published();
    assert_eq!(
        project.query(
            "select model, count(distinct run) from ops.models where name = 'drift' group by 1 order by 1"
        ),
        ["segments_contact,1", "segments_spending,1"]
    );
}

/// A list of those who are in a segment, or whom a score ranks.
fn with_list(pipeline: &str, condition: &str, rank_by: &str, more: &str) -> String {
    format!(
        "name = \"p\"\nmodels = \"sql\"\n{pipeline}
[audiences.letter]
from = [\"mart.features\", \"mart.segments_spending\", \"mart.cancels_scores\"]
where = \"{condition}\"
rank_by = \"{rank_by}\"
channel = \"post\"
consent = false
reachable = false
{more}
"
    )
}

#[test]
fn a_list_of_a_segment_that_is_gone_is_not_drawn() {
    let pipeline = PIPELINE.replace(
        "columns = [\"amount\"]\nk = 2\n",
        "columns = [\"amount\"]\nk = 2\napart = [{ name = \"one-off\", where = \"amount < 40\" }]\n",
    );
    let project = project(&pipeline);
    project.file("pipeline.toml", with_list(&pipeline, "segment_name in ('rich', 'one-off')", "orders", ""));
    project.run(&[]).refused(
        2,
        &[
            "no segment of tonight is called \"rich\"",
            "audience letter › where",
            "they are called \"amount in the lower two fifths\", \"amount in the upper two fifths\"",
        ],
    );
    let condition = "segment_name in ('amount in the upper two fifths', 'one-off')";
    project.file("pipeline.toml", with_list(&pipeline, condition, "orders", ""));
    project.run(&[]).published();
    let lists = "select segment_name, segment_id > 50, count(*) from mart.target_lists
                 join mart.segments_spending using (customer_id) group by 1, 2 order by 1";
    let found = project.query(lists);
    assert!(found[0].starts_with("amount in the upper two fifths,false,"), "{found:?}");
    assert!(found[1].starts_with("one-off,true,"), "{found:?}");
    // A plan knows those of the last release, as long as they are declared as they were.
    let plan = || project.verb(&["plan", project.path().join("pipeline.toml").to_str().unwrap()]);
    let of_rich = |pipeline: &str| with_list(pipeline, "segment_name in ('rich', 'one-off')", "orders", "");
    project.file("pipeline.toml", of_rich(&pipeline));
    plan().refused(
        2,
        &[
            "no segment of the last release is called \"rich\"",
            "pipeline.toml:",
            "they are called",
            "one-off",
        ],
    );
    project.file("pipeline.toml", of_rich(&pipeline.replace("k = 2\n", "k = 3\n")));
    plan().published();
}

/// The parameters of all fitted models of a run.
const PARAMETERS: &str = "select model, name, position, value, note from ops.models
  where part = 'parameter' and run = RUN order by 1, 2, 3";

#[test]
fn a_night_without_news_keeps_every_model_to_the_last_bit() {
    let project = project(PIPELINE);
    let parameters = |run: u32| project.query(&PARAMETERS.replace("RUN", &run.to_string()));
    let segments =
        || project.query("select customer_id, segment_id, segment_name from mart.segments order by 1");
    project.run(&[]).published();
    let (first, assigned, marts) = (parameters(1), segments(), shelf(&project.path().join("warehouse")));
    // The same night again: the same bytes.
    project.run(&[]).published();
    assert_eq!(parameters(2), first);
    assert!(shelf(&project.path().join("warehouse")) == marts);
    // Later, and nothing has come: every label follows from the same parameters.
    let later = project.run(&["--as-of", "2026-07-20"]).published();
    assert_eq!(parameters(3), first);
    assert_eq!(segments(), assigned);
    assert!(later.stderr.contains("the model of 2026-07-01T00:00:00Z is kept"), "{}", later.stderr);
    // An order that lay in the file for a later day is news, and so is a row that comes.
    project.file("orders/2.csv", "customer_id,day,amount,channel\nc000,2026-07-25,3000,web\n");
    project.run(&["--as-of", "2026-07-22"]).published();
    let fitted = |run: u32| {
        project.query(&format!(
            "select distinct note from ops.models where name = 'fitted_as_of' and run = {run} and model = 'segments_spending'"
        ))
    };
    assert_eq!(fitted(4), ["2026-07-22T00:00:00Z"]);
    project.run(&["--as-of", "2026-07-24"]).published();
    assert_eq!(fitted(5), ["2026-07-22T00:00:00Z"]);
    project.run(&["--as-of", "2026-07-27"]).published();
    assert_eq!(fitted(6), ["2026-07-27T00:00:00Z"]);
    // What is declared otherwise is fitted otherwise, and so is what is asked for.
    project.file(
        "pipeline.toml",
        format!("name = \"p\"\nmodels = \"sql\"\n{}", PIPELINE.replace("k = 2", "k = 3")),
    );
    project.run(&["--as-of", "2026-07-28"]).published();
    assert_eq!(fitted(7), ["2026-07-28T00:00:00Z"]);
    project.run(&["--as-of", "2026-07-29", "--full-refresh"]).published();
    assert_eq!(fitted(8), ["2026-07-29T00:00:00Z"]);
}

#[test]
fn a_model_that_may_be_chance_says_so() {
    // Whether somebody is called by an even number is nothing that features know.
    let project = project(PIPELINE);
    project.model(
        "mart.contract_features",
        "select customer_id, fee, cast(substr(md5(customer_id), 1, 1) < '8' as boolean) as even from raw.contracts",
    );
    let pipeline = PIPELINE
        .replace("outcome = { column = \"cancelled\" }", "outcome = { column = \"even\" }\nfolds = 5");
    let list = |more: &str| with_list(&pipeline, "orders > 0", "cancels_probability", more);
    project.file("pipeline.toml", list("weak_model = \"refuse\""));
    let may_be_chance =
        "rank_by `cancels_probability`: cancels_probability is of a model that may be no better";
    project.run(&[]).refused(1, &[may_be_chance, "hardly better than chance: on the hold-out AUC 0."]);
    project.file("pipeline.toml", list(""));
    let ran = project.run(&[]).published();
    assert!(ran.stderr.contains(may_be_chance), "{}", ran.stderr);
    let figure = |name: &str| {
        let sql = format!("select value from ops.models where model = 'cancels' and name = '{name}'");
        project.query(&sql)[0].parse::<f64>().unwrap()
    };
    assert!(
        figure("auc_low") <= 0.5 && figure("auc_low") < figure("auc") && figure("auc") < figure("auc_high")
    );
    assert_eq!(project.query("select model from ops.models where name = 'weak'"), ["cancels"]);
    assert!((figure("auc_of_folds") - 0.5).abs() < 0.1);
    // Whom it was judged on is kept, of the last fit alone.
    let held_out = "select count(*), count(distinct customer_id), min(run) = max(run)
                    from ops.holdout_scores where model = 'cancels'";
    let judged = [format!("{0},{0},true", figure("rows_holdout"))];
    assert_eq!(project.query(held_out), judged);
    project.run(&["--full-refresh"]).published();
    assert_eq!(project.query(held_out), judged);
    // Whoever looks at the list is told, too.
    let waterfall = project.verb(&["audience", "waterfall", "letter"]).published().stderr;
    let decides = "cancels_probability is of a model that may be no better than chance; it decides on";
    assert!(waterfall.contains(decides), "{waterfall}");
    let explained = project.verb(&["audience", "explain", "c001", "--format", "csv"]).published().stdout;
    assert!(explained.contains("cancels_probability is of a model"), "{explained}");
    // Kept as long as it is said.
    let pipeline = pipeline.replacen("as_of = ", "keep_holdout_scores = \"2 days\"\nas_of = ", 1);
    project.file("pipeline.toml", with_list(&pipeline, "orders > 0", "cancels_probability", ""));
    for (as_of, kept) in [("2026-07-02", judged[0].as_str()), ("2026-07-06", "0,0,")] {
        project.run(&["--as-of", as_of]).published();
        assert_eq!(project.query(held_out), [kept], "{as_of}");
    }
}

#[test]
fn whom_the_model_scores_and_never_saw_is_judged_apart() {
    // Of those who hardly ever order, nobody is learnt from.
    let pipeline = PIPELINE.replace(
        "[propensity.returns]\n",
        "[propensity.returns]\neligible = \"amount > 200\"\nscored = \"orders > 0\"\n",
    );
    let project = project(&pipeline);
    let ran = project.run(&[]).published();
    let figures = "select name, round(value, 2) from ops.models
                   where model = 'returns' and name like '%not_eligible' order by 1";
    let figures = project.query(figures);
    assert_eq!(figures.len(), 3, "{figures:?}");
    assert!(figures[0].starts_with("customers_not_eligible,300"), "{figures:?}");
    assert!(
        ran.stderr.contains("300 customers of the hold-out are scored but not eligible"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_past_night_starts_from_no_later_model() {
    let (project, other) = (project(PIPELINE), project(PIPELINE));
    project.run(&["--as-of", "2026-07-01"]).published();
    project.run(&["--as-of", "2026-05-15", "--backfill"]).published();
    other.run(&["--as-of", "2026-05-15"]).published();
    let segments = "select customer_id, segment_id, segment_name from mart.segments_contact order by 1";
    assert_eq!(project.query(segments), other.query(segments));
}

#[test]
fn an_outcome_is_an_event_the_absence_of_one_or_a_label() {
    let project = project(PIPELINE);
    project.run(&[]).published();
    // What comes and what stays away are the same question, asked the other way round.
    let sums = "select count(*), round(max(abs(r.returns_probability + s.stays_away_probability - 1)), 6)
                from mart.returns_scores r join mart.stays_away_scores s using (customer_id)";
    assert_eq!(project.query(sums), ["600,0.0"]);
    let known = "select model, name, cast(value as bigint) from ops.models
                 where part = 'metric' and name in ('rows_final', 'positives_final') and model in ('returns', 'cancels')
                 order by 1, 2";
    // Of 600 contracts 540 are known to have ended or not, half of them did; three cut-offs of 600 customers.
    assert_eq!(
        project.query(known),
        [
            "cancels,positives_final,270",
            "cancels,rows_final,540",
            "returns,positives_final,967",
            "returns,rows_final,1800"
        ]
    );
    let auc = "select model, value > 0.6 from ops.models where name = 'auc' order by 1";
    assert_eq!(project.query(auc), ["cancels,true", "returns,true", "stays_away,true"]);
    assert_eq!(project.query("select count(cancels_probability) from mart.cancels_scores"), ["600"]);
}

#[test]
fn an_outcome_may_be_that_less_is_spent_than_before() {
    let project = project(&format!(
        "{PIPELINE}
[propensity.fades]
features = \"mart.features\"
columns = [\"orders\", \"amount\", \"web_share\"]
outcome = {{ fall_of = \"core.orders\", amount = \"amount\", to = 0.5, window_days = 20 }}
cutoffs = [\"2026-04-01\", \"2026-05-01\", \"2026-06-01\"]
"
    ));
    project.run(&[]).published();
    let known = "select cast(value as bigint) from ops.models
                 where model = 'fades' and name = 'positives_final' and part = 'metric'";
    let by_hand = "with cutoffs as (select * from (values (date '2026-04-01'), (date '2026-05-01'), (date '2026-06-01')) as v (c)),
         sums as (
           select customer_id, c,
             sum(case when day < c and day >= c - interval '20 days' then amount else 0 end) as before,
             sum(case when day >= c and day < c + interval '20 days' then amount else 0 end) as after
           from core.orders cross join cutoffs group by 1, 2)
         select count(*) from sums where before > 0 and after < 0.5 * before";
    let found = project.query(known);
    assert_eq!(found, project.query(by_hand));
    let count: usize = found[0].parse().unwrap();
    assert!((50..1750).contains(&count), "{count} of 1,800: the question is too easy");
}

#[test]
fn what_is_wrong_with_a_section_is_told_at_its_line() {
    for (right, wrong, expected) in [
        ("outcome = { column = \"cancelled\" }", "outcome = { column = \"fee\" }", "`fee` is the outcome"),
        (
            "outcome = { column = \"cancelled\" }",
            "outcome = { column = \"cancelled\" }\ncutoffs = { count = 2, every_days = 30 }",
            "there is no cut-off to learn at",
        ),
        (
            "outcome = { column = \"cancelled\" }",
            "outcome = { column = \"cancelled\", event = \"core.orders\" }",
            "one of `event`, `absence_of`, `fall_of` and `column`, found several",
        ),
        (
            "outcome = { column = \"cancelled\" }",
            "outcome = {}",
            "one of `event`, `absence_of`, `fall_of` and `column`, found none",
        ),
        (
            "outcome = { column = \"cancelled\" }",
            "outcome = { fall_of = \"core.orders\", amount = \"amount\", to = 1.5, window_days = 30 }\ncutoffs = { count = 2, every_days = 30 }",
            "`to` is 1.5, a share above 0 and up to 1 was expected",
        ),
        (
            "outcome = { column = \"cancelled\" }",
            "outcome = { column = \"cancelled\", to = 0.5 }",
            "`to` is of an outcome in a window",
        ),
        (
            "outcome = { column = \"cancelled\" }",
            "outcome = { column = \"cancelled\" }\nreasons = 9",
            "`reasons` is 9, 0 to 5 were expected",
        ),
        (
            "outcome = { column = \"cancelled\" }",
            "outcome = { column = \"cancelled\" }\nnames = { feee = \"the fee\" }",
            "`feee` is named but is not among the columns of the propensity",
        ),
        (
            "outcome = { column = \"cancelled\" }",
            "outcome = { column = \"cancelled\" }\nretention_campaign = { customer_value = -1, offer_cost = 1, contact_cost = 1, accepted = 0.3 }",
            "`customer_value` is -1, an amount above 0 was expected",
        ),
        ("[propensity.cancels]", "[propensity.Cancels]", "`Cancels` cannot be a part of the name of a table"),
        ("[segments.contact]", "[segments.\"on line\"]", "`on line` cannot be a part of the name of a table"),
        (
            "window_days = 30, where = \"channel = 'web'\" }\ncutoffs = [\"2026-04-01\", \"2026-05-01\", \"2026-06-01\"]",
            "window_days = 30 }",
            "missing key `cutoffs`",
        ),
    ] {
        assert!(PIPELINE.contains(right), "{right}");
        project(&PIPELINE.replacen(right, wrong, 1)).run(&[]).refused(2, &[expected, "pipeline.toml:"]);
    }
}

#[test]
fn a_table_is_made_by_a_model_or_by_a_section() {
    let project = project(PIPELINE);
    project.model("mart.segments", "select customer_id from mart.features");
    project.run(&[]).refused(2, &["mart.segments is made twice: by this model and by [segments]"]);
}

#[test]
fn a_label_is_true_or_false() {
    let project = project(&PIPELINE.replace("cancelled = \"boolean\"", "cancelled = \"text\""));
    project.run(&[]).refused(2, &["the outcome `cancelled` is text", "true or false was expected"]);
}
