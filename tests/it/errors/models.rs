//! SQL with errors.

use crate::broken_shop::Shop;

const ORDERS: &str = "core.orders";
const MART: &str = "mart.sales";
const KEY: &str = "key = [\"channel\"]\n";

fn broken(name: &str, code: i32, table: &str, sql: &str) {
    let shop = Shop::published();
    if table == MART {
        shop.properties(MART, KEY);
    }
    shop.model(table, sql);
    shop.run_fails(name, code);
}

#[test]
fn what_does_not_parse() {
    let shop = Shop::published();
    shop.model(ORDERS, "-- Grain: one row per order.\nselect order_id,\nfrom where raw.orders\n");
    shop.model("core.visits", "select * from raw.visits; select 1");
    shop.model("core.consents", "delete from raw.people");
    shop.model("mart.customer_360", "select * from orders");
    shop.run_fails("sql_does_not_parse", 2);
}

#[test]
fn an_empty_model() {
    broken("sql_empty", 2, ORDERS, "-- nothing yet\n");
}

#[test]
fn names_that_are_not_there() {
    broken(
        "unknown_column",
        2,
        ORDERS,
        "select order_id, customer_id, ordered_on, net_amount, channel from raw.orders",
    );
    broken(
        "unknown_function",
        2,
        ORDERS,
        "select order_id, customer_id, ordered_at, date_trunk(ordered_at) as net_amount, channel from raw.orders",
    );
    broken("unknown_table", 2, ORDERS, "select * from raw.order");
    broken(
        "unknown_column_alias",
        2,
        MART,
        "select o.channel, count(*) as n from core.orders o group by c.channel",
    );
}

#[test]
fn the_line_of_the_file_is_shown() {
    broken(
        "sql_of_many_lines",
        2,
        MART,
        "-- Grain: one row a channel.\nwith known as (\n\tselect channel, net_amount as é, customer_id\n\tfrom core.orders\n)\nselect\n\tchannel,\n\tsum(é) as amount,\n\tcount(distinct custmer_id) as customers\nfrom known\ngroup by channel\n",
    );
    broken(
        "sql_wrong_arguments",
        2,
        MART,
        "select channel, round(channel, 1, 2) as r from core.orders group by channel",
    );
    broken(
        "sql_not_grouped",
        2,
        MART,
        "select channel, customer_id, count(*) as n\nfrom core.orders\ngroup by channel",
    );
    broken(
        "sql_unknown_type",
        2,
        MART,
        "select channel,\n  max(cast(net_amount as decimals)) as n\nfrom core.orders group by channel",
    );
    broken(
        "sql_asks_the_clock",
        2,
        MART,
        "select channel,\n  max(now()) as n\nfrom core.orders group by channel",
    );
}

#[test]
fn a_circle_is_shown_as_a_chain() {
    let shop = Shop::published();
    shop.model(
        "core.visits",
        "select v.* from raw.visits v join mart.customer_360 c on c.customer_id = v.customer_id",
    );
    shop.model(
        "mart.customer_360",
        "select customer_id, count(*) as orders from core.seen group by customer_id",
    );
    shop.model("core.seen", "select customer_id from core.visits");
    shop.run_fails("cycle", 2);
}

#[test]
fn a_mart_needs_a_key_that_it_has() {
    let shop = Shop::published();
    shop.model(MART, "select channel, count(*) as n from core.orders group by channel");
    shop.run_fails("mart_without_key", 2);
    shop.properties(MART, "key = [\"shop\"]\n");
    shop.run_fails("mart_key_is_no_column", 2);
}

#[test]
fn a_mart_must_give_the_same_bytes() {
    broken(
        "mart_sums_floats",
        2,
        MART,
        "select channel, sum(cast(net_amount as double)) as amount, approx_distinct(customer_id) as customers, max(random()) as r
         from core.orders group by channel",
    );
}

#[test]
fn values_that_the_sql_cannot_bear_are_not_told() {
    broken(
        "cast_of_text",
        1,
        "core.people",
        "select customer_id, cast(name as integer) as number from raw.people",
    );
    broken(
        "cast_of_text_to_date",
        1,
        "core.people",
        "select customer_id, cast(name as date) as day, to_timestamp(name) as t from raw.people",
    );
    broken(
        "cast_of_text_in_a_mart",
        1,
        MART,
        "select channel, max(cast(p.name as decimal(10,2))) as number from core.orders o join raw.people p on p.customer_id = o.customer_id group by channel",
    );
    broken(
        "divided_by_zero",
        1,
        MART,
        "select channel, 1 / (count(*) - count(*)) as share from core.orders group by channel",
    );
    broken(
        "overflow",
        1,
        MART,
        "select channel, cast(sum(net_amount) * 100000000 as integer) as big from core.orders group by channel",
    );
    broken(
        "subquery_of_many",
        1,
        MART,
        "select channel, (select name from raw.people) as name from core.orders group by channel",
    );
    broken(
        "bad_regex",
        1,
        "core.people",
        "select customer_id, regexp_replace(name, name || '(', 'x') as x from raw.people",
    );
}

#[test]
fn types_that_a_table_cannot_keep() {
    broken(
        "type_not_kept",
        1,
        "core.people",
        "select customer_id, array_agg(name) as names from raw.people group by customer_id",
    );
    broken(
        "column_twice",
        2,
        "core.people",
        "select p.customer_id, o.customer_id from raw.people p join raw.orders o on o.customer_id = p.customer_id",
    );
}

#[test]
fn a_time_column_must_be_there() {
    let shop = Shop::published();
    shop.edit_properties("core.orders", "time = \"ordered_at\"", "time = \"ordered_on\"");
    shop.run_fails("time_is_no_column", 2);
    let shop = Shop::published();
    shop.edit_properties("core.orders", "time = \"ordered_at\"", "time = \"channel\"");
    shop.run_fails("time_is_text", 2);
}

#[test]
fn a_mart_whose_key_repeats() {
    broken("mart_key_repeats", 1, MART, "select channel, customer_id from core.orders");
}

#[test]
fn files_where_models_do_not_belong() {
    let shop = Shop::published();
    shop.model("raw.orders", "select 1 as x");
    shop.write("sql/shop/core/My Model.sql", "select 1 as x");
    shop.properties("raw.orders", "time = \"ordered_at\"\n");
    shop.properties("ops.runs", "key = [\"run\"]\n");
    shop.write("sql/shop/core/Core Orders.toml", "static = true\n");
    shop.run_fails("misplaced_models", 2);
}
