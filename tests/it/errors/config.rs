//! All errors in a pipeline file are reported together, each with its line, before anything starts.

use crate::broken_shop::Shop;

#[test]
fn unknown_keys_are_reported_all_at_once() {
    let shop = Shop::published();
    shop.pipeline("seed = 42", "seed = 42\nsede = 42\nwarehose = \"w\"");
    shop.pipeline("format = \"csv\"", "format = \"csv\"\ndelimeter = \";\"");
    shop.edit_properties("core.orders", "time = \"ordered_at\"", "time = \"ordered_at\"\nchekcs = []");
    shop.pipeline(
        "net_amount = \"decimal(12,2)\"",
        "net_amount = { type = \"decimal(12,2)\", nulable = false }",
    );
    shop.pipeline("k = 2", "k = 2\nkrange = [2, 4]");
    shop.pipeline("min_rows = 10", "min_row = 10");
    shop.pipeline("limit = 5", "limits = 5");
    shop.run_fails("unknown_keys", 2);
}

#[test]
fn what_is_not_toml_is_reported_with_its_lines() {
    let shop = Shop::published();
    shop.pipeline("seed = 42", "seed = ");
    shop.pipeline("timezone = \"Europe/Paris\"", "timezone = \"Europe/Paris");
    shop.pipeline("[sources.orders.columns]", "[sources.orders.columns");
    shop.run_fails("toml_syntax", 2);
}

#[test]
fn a_key_of_the_wrong_type_is_reported() {
    let shop = Shop::published();
    shop.pipeline("seed = 42", "seed = \"many\"");
    shop.pipeline("tolerance = 0.05", "tolerance = \"much\"");
    shop.edit_properties("core.orders", "key = [\"order_id\"]", "key = 7");
    shop.pipeline("k = 2", "k = \"two\"");
    shop.pipeline("limit = 5", "limit = -5");
    shop.pipeline("cutoffs = { count = 2, every_days = 30 }", "cutoffs = 3");
    shop.pipeline("where = \"orders > 1\"", "where = 1");
    shop.edit_properties("core.orders", "{ row_count = { min = 1 } }", "{ row_count = 1 }");
    shop.run_fails("wrong_types", 2);
}

#[test]
fn values_that_mean_nothing_are_reported_all_at_once() {
    let shop = Shop::published();
    shop.pipeline("name = \"shop\"", "name = \"My Shop\"\nmodels = \"sql/shop\"");
    shop.pipeline("timezone = \"Europe/Paris\"", "timezone = \"Europe/Pariss\"");
    shop.pipeline("schedule = \"0 3 * * *\"", "schedule = \"every night\"");
    shop.pipeline("as_of = \"2026-03-01\"", "as_of = \"first of March\"");
    shop.pipeline(
        "format = \"csv\"\ntimezone = \"Europe/Paris\"\ntolerance = 0.05",
        "format = \"csv\"\nencoding = \"latin-99\"\ndelimiter = \"::\"\ntimezone = \"Paris\"\ntolerance = 5",
    );
    shop.pipeline("net_amount = \"decimal(12,2)\"", "net_amount = \"money\"");
    shop.pipeline("control = 0.2", "control = 20");
    shop.pipeline("k = 2", "k = 0");
    shop.edit_properties("core.orders", "{ row_count = { min = 1 } }", "{ accepted_values = \"channel\" }, { unique = \"a\", not_null = \"b\" }, { relationships = \"customer_id\", to = \"customers\" }");
    shop.run_fails("wrong_values", 2);
}

#[test]
fn a_variable_that_is_not_set_is_named() {
    let shop = Shop::published();
    shop.pipeline("exports/orders/*.csv", "${SHOP_EXPORTS}/orders/*.csv");
    shop.run_fails("variable_not_set", 2);
}

#[test]
fn a_pipeline_file_that_is_not_there_is_named() {
    Shop::published().fails("unknown_pipeline", 2, &["run", "pipelines/shopp.toml"]);
}

#[test]
fn without_a_pipeline_the_user_is_reported_where_to_begin() {
    let shop = Shop::published();
    shop.remove("pipelines");
    shop.fails("no_pipelines_folder", 2, &["run"]);
    let shop = Shop::published();
    shop.write("pipelines/other.toml", "name = \"other\"\n");
    shop.fails("several_pipelines", 2, &["run"]);
    shop.fails("nothing_to_do", 2, &["run", "pipelines/other.toml"]);
}

#[test]
fn a_selector_that_selects_nothing_is_refused() {
    Shop::published().fails(
        "select_nothing",
        2,
        &["run", "--select", "mart.customers", "--exclude", "kind:modle"],
    );
}

#[test]
fn an_instant_that_is_none_or_too_old_is_refused() {
    let shop = Shop::published();
    shop.fails("as_of_nonsense", 2, &["run", "--as-of", "tomorrow"]);
    shop.fails("as_of_too_old", 2, &["run", "--as-of", "2026-01-01"]);
}

#[test]
fn features_may_not_read_what_does_not_declare_when_it_was_known() {
    let shop = Shop::published();
    shop.model(
        "mart.customer_features",
        "select o.customer_id, count(*) as orders_total, date_part('day', $as_of - max(ordered_at)) as recency_days
         from core.orders o join raw.people p on p.customer_id = o.customer_id group by o.customer_id",
    );
    shop.run_fails("features_undeclared_table", 2);
}

#[test]
fn whose_a_row_is_must_make_sense() {
    let shop = Shop::published();
    shop.declare(
        "[sources.orders.person]\nkeys = { customer = \"customer\", ordered_at = \"customer\", \
         order_id = \"E-Mail\" }\nanonymise = [\"name\"]\n\n\
         [sources.visits.person]\nkeys = {}\n",
    );
    shop.run_fails("person_declaration", 2);
    let shop = Shop::published();
    shop.declare("[sources.visits.person]\nkeys = { customer_id = \"orders.order_id\" }\n");
    shop.run_fails("person_of_nobodys_rows", 2);
}

#[test]
fn tables_that_nothing_makes_are_reported() {
    let shop = Shop::published();
    shop.properties("core.order", "time = \"ordered_at\"\n");
    shop.edit_properties("core.visits", "time = \"visited_at\"", "time = \"visited_at\"\nstatic = true");
    shop.edit_properties(
        "core.orders",
        "{ row_count = { min = 1 } }",
        "{ relationships = \"customer_id\", to = \"core.customers.customer_id\" }",
    );
    shop.pipeline("absence_of = \"core.orders\"", "absence_of = \"core.order\"");
    shop.run_fails("tables_nothing_makes", 2);
}

#[test]
fn an_audience_from_a_table_that_nothing_makes_is_refused() {
    let shop = Shop::published();
    shop.pipeline(
        "from = [\"mart.customer_360\", \"mart.segments\"",
        "from = [\"mart.customer_360\", \"mart.segment\"",
    );
    shop.run_fails("audience_unknown_table", 2);
}

#[test]
fn a_condition_over_several_lines_is_shown_at_its_line() {
    let shop = Shop::published();
    shop.pipeline(
        "where = \"orders > 1\"",
        "where = \"\"\"\n  orders > 1\n  and churn_probabilty > 0.5\n  and segment_name <> \\\"x\\\"\"\"\"",
    );
    shop.run_fails("audience_condition_of_many_lines", 2);
    shop.pipeline("and churn_probabilty > 0.5", "and churn_probability >> > 0.5");
    shop.run_fails("audience_condition_does_not_parse_in_line", 2);
}

#[test]
fn a_models_folder_that_is_not_there_is_named() {
    let shop = Shop::published();
    shop.pipeline("seed = 42", "seed = 42\nmodels = \"models\"");
    shop.run_fails("no_models_folder", 2);
}

/// Sections about customers need to know who is who.
const WHO: &str = "[identity]\nkeys = \"channel.person_keys\"\ncountry = \"FR\"\n";

#[test]
fn all_that_is_wrong_with_golden_records_is_reported_at_once() {
    let shop = Shop::published();
    shop.declare(
        "[golden_record]\nrecords = \"channel.persons\"\ntrust = [\"card\", \"card\"]\n\
         [golden_record.attributes]\nemail = \"newest\"\nphone = \"most_recent\"\ntitle = []\n\
         address = { columns = [\"street\", \"phone\"], needs = [\"city\"], by = \"longest\" }\n\
         [households]\nmax_members = 1\n\
         [organisations]\nrecords = \"channel.companies\"\n",
    );
    shop.run_fails("golden_record_declaration", 2);
}

#[test]
fn households_stand_on_chosen_attributes() {
    let shop = Shop::published();
    shop.declare("[households]\nrules = [{ same = [\"address\"] }]\n");
    shop.run_fails("households_without_golden_records", 2);
    let shop = Shop::published();
    shop.declare(
        "[golden_record]\nrecords = \"channel.persons\"\nattributes = { last_name = \"longest\" }\n\
         [households]\nmax_members = 1\nrules = [{ same = [\"address\", \"surname\"] }, { shares_word = \"last_name\" }]\n",
    );
    shop.run_fails("households_declaration", 2);
}

#[test]
fn golden_records_need_to_know_who_is_who() {
    let shop = Shop::published();
    shop.model(
        "channel.persons",
        "select 'person' as source, customer_id as record_id, name from raw.people",
    );
    shop.declare("[golden_record]\nrecords = \"channel.persons\"\nattributes = { name = \"longest\" }\n");
    shop.run_fails("golden_record_without_identity", 2);
}

#[test]
fn columns_that_are_not_there_are_named_with_those_that_are() {
    let shop = Shop::published();
    shop.model(
        "channel.person_keys",
        "select 'person' as source, customer_id as record_id, 'id' as key_kind, customer_id as key_value from raw.people",
    );
    shop.model(
        "channel.persons",
        "select 'person' as source, customer_id as record_id, name from raw.people",
    );
    shop.declare(&format!(
        "{WHO}[golden_record]\nrecords = \"channel.persons\"\nseen_at = \"seen\"\n\
         attributes = {{ name = \"longest\", email = \"most_recent\" }}\n"
    ));
    shop.run_fails("golden_record_unknown_column", 2);
    shop.pipeline("seen_at = \"seen\"", "seen_at = \"name\"");
    shop.pipeline(", email = \"most_recent\"", "");
    shop.run_fails("golden_record_seen_at_is_no_time", 2);
    shop.pipeline("seen_at = \"name\"\n", "");
    shop.declare("[organisations]\nrecords = \"channel.persons\"\nattributes = { name = \"longest\" }\n");
    shop.run_fails("organisations_unknown_column", 2);
    shop.model(
        "channel.persons",
        "select 'person' as source, 'p1' as record_id, name, null as legal_number, null as postcode from raw.people",
    );
    shop.run_fails("golden_record_repeated", 1);
}

#[test]
fn a_source_that_is_trusted_and_has_no_record_is_warned_of() {
    let shop = Shop::published();
    shop.model(
        "channel.person_keys",
        "select 'person' as source, customer_id as record_id, 'id' as key_kind, customer_id as key_value from raw.people",
    );
    shop.model(
        "channel.persons",
        "select 'person' as source, customer_id as record_id, name from raw.people",
    );
    shop.declare(&format!(
        "{WHO}[golden_record]\nrecords = \"channel.persons\"\ntrust = [\"card\", \"person\"]\n\
         attributes = {{ name = \"most_trusted\" }}\n"
    ));
    shop.run_publishes("golden_record_trusts_nobody");
}
