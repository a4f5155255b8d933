"""The peer: splink 5 on DuckDB over what persons.py wrote, with our model (src/identity/linkage/person.toml) in its words.

python3 splink_persons.py OUT/persons.csv FOUND.csv. Needs the package splink (5).

The same: the 17 blocking rules, every comparison with its levels and their order, term frequencies, thresholds,
training rules, the standardising (in DuckDB's SQL, as much of it as these records ask for), and no further threads.
Not the same, each for splink's benefit: its keys are compared as they are, nicknames are not looked up. Parameters
are trained as its manual says.
"""
import re
import sys

import duckdb
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator

source, found = sys.argv[1:3]
connection = duckdb.connect()
connection.execute("set threads = 2")

# Standardising. Letters: lower case, no accents, no apostrophes; words: cut at everything else.
for macro in [
    "letters(t) as replace(regexp_replace(strip_accents(lower(t)), '[''’]', '', 'g'), 'ø', 'o')",
    "words(t) as nullif(trim(regexp_replace(letters(t), '[^a-z0-9]+', ' ', 'g')), '')",
    "untitled(t) as regexp_replace(t, '^((mr|mrs|ms|mme|mlle|m|dr|prof|monsieur|madame) )+', '')",
    "digits(t) as regexp_replace(t, '[^0-9]', '', 'g')",
    "number_of(t) as regexp_extract(words(t), '^([0-9]+)( ?(bis|ter|quater))?( |$)', ['n', '_', 's', 'e'])",
]:
    connection.execute(f"create macro {macro}")
PARTICLES = "de|du|des|d|von|van|der|den|di|da|del|della|dos|das|do"
PREFIXES = "le|la|les|l|mc|mac|o|saint|st|sainte|ste|el|ben"
LITTLE = "de|du|des|d|la|le|les|l|the|of|et|and"
connection.execute(f"""
create table persons as
select cast(record as bigint) as unique_id, first_name, last_name,
       strftime(born, '%Y%m%d') as birth_date, born, email, phone, street, house_number, postcode, city,
       street || ' ' || coalesce(house_number, '') || ' ' || coalesce(postcode, city) as address,
       split_part(email, '@', 1) as mailbox
from (
  select record,
         nullif(untitled(words(first_name)), '') as first_name,
         nullif(regexp_replace(trim(regexp_replace(
           untitled(words(regexp_replace(lower(last_name), '^d[''’]', ''))),
           '\\b({PARTICLES})\\b ?', '', 'g')), '\\b({PREFIXES}) ', '\\1', 'g'), '') as last_name,
         try_strptime(birth_date, '%d/%m/%Y') as born,
         case when regexp_full_match(trim(email), '[^@ ]+@[^@ ]+[.][^@ ]+') then lower(trim(email)) end as email,
         case when length(digits(phone)) >= 7
              then '+33' || regexp_replace(digits(phone), '^(0033|33|0)', '') end as phone,
         nullif(trim(regexp_replace(regexp_replace(words(street), '^[0-9]+( ?(bis|ter|quater))?( |$)', ''),
           '\\b({LITTLE})\\b ?', '', 'g')), '') as street,
         nullif(number_of(street).n || left(number_of(street).s, 1), '') as house_number,
         nullif(regexp_replace(lower(postcode), '[^a-z0-9]', '', 'g'), '') as postcode,
         nullif(regexp_replace(regexp_replace(words(city), '\\bst\\b', 'saint', 'g'), ' cedex.*$', ''), '') as city
  from read_csv('{source}', all_varchar = true, header = true)
)""")


def comparison(name, silent, levels):
    """Levels: condition, the share expected among pairs of one person, and the attribute whose frequency counts; the
    most telling first."""
    made = [{"sql_condition": silent, "label_for_charts": "silent", "is_null_level": True}]
    for condition, m, term in levels:
        level = {"sql_condition": condition, "label_for_charts": condition, "m_probability": m}
        if term:
            level |= {"tf_adjustment_column": term, "tf_adjustment_weight": 1.0, "disable_tf_exact_match_detection": True}
        made.append(level)
    left = max(0.001, 1 - sum(m for _, m, _ in levels))
    made.append({"sql_condition": "ELSE", "label_for_charts": "different", "m_probability": left})
    return cl.CustomComparison(comparison_levels=made, output_column_name=name)


either_null = lambda column: f"{column}_l is null or {column}_r is null"
alike = lambda a, b: f"jaro_winkler_similarity({a}, {b})"
slips = lambda a, b: f"damerau_levenshtein({a}, {b})"
FIRST, LAST = alike("first_name_l", "first_name_r"), alike("last_name_l", "last_name_r")
SWAPPED = f"{alike('first_name_l', 'last_name_r')} >= 0.85 and {alike('last_name_l', 'first_name_r')} >= 0.85"
BORN, PHONE, MAILBOX = slips("birth_date_l", "birth_date_r"), slips("phone_l", "phone_r"), slips("mailbox_l", "mailbox_r")
STREET, CITY = alike("street_l", "street_r"), alike("city_l", "city_r")
NUMBER = "house_number_l is not distinct from house_number_r"
PLACE = f"(postcode_l = postcode_r or {CITY} >= 0.9)"
INITIAL = "(least(length(first_name_l), length(first_name_r)) = 1 and (starts_with(first_name_l, first_name_r) or starts_with(first_name_r, first_name_l)))"
SHORT = "(least(length(first_name_l), length(first_name_r)) >= 3 and (starts_with(first_name_l, first_name_r) or starts_with(first_name_r, first_name_l)))"
PART = "list_has_any(list_filter(string_split(last_name_l, ' '), lambda w: length(w) >= 3), string_split(last_name_r, ' '))"
DAY_MONTH = (
    "(birth_date_l[1:4] = birth_date_r[1:4] and birth_date_l[5:6] = birth_date_r[7:8]"
    " and birth_date_l[7:8] = birth_date_r[5:6] and birth_date_l[5:6] <> birth_date_l[7:8])"
)
comparisons = [
    comparison("first_name", f"{either_null('first_name')} or ({FIRST} < 0.85 and {SWAPPED})", [
        ("first_name_l = first_name_r", 0.75, "first_name"),
        (f"{FIRST} >= 0.92", 0.08, None),
        (f"{SHORT} or {INITIAL}", 0.03, None),
        (f"{FIRST} >= 0.8", 0.04, None),
    ]),
    comparison("last_name", either_null("last_name"), [
        ("last_name_l = last_name_r", 0.75, "last_name"),
        (f"{LAST} < 0.85 and {SWAPPED}", 0.01, None),
        (f"{LAST} >= 0.92", 0.08, None),
        (PART, 0.02, None),
        (f"{LAST} >= 0.8", 0.04, None),
    ]),
    comparison("birth_date", either_null("birth_date"), [
        ("birth_date_l = birth_date_r", 0.85, "birth_date"),
        (f"{BORN} <= 1 or {DAY_MONTH}", 0.08, None),
        (f"{BORN} <= 2", 0.02, None),
        ("abs(datediff('day', born_l, born_r)) <= 366", 0.01, None),
    ]),
    comparison("email", either_null("email"), [
        ("email_l = email_r", 0.6, "email"),
        ("mailbox_l = mailbox_r", 0.05, None),
        (f"{MAILBOX} <= 2", 0.1, None),
    ]),
    comparison("phone", either_null("phone"), [("phone_l = phone_r", 0.7, "phone"), (f"{PHONE} <= 1", 0.05, None)]),
    comparison("address", " and ".join(f"({either_null(c)})" for c in ["street", "postcode", "city"]), [
        (f"street_l = street_r and {NUMBER} and {PLACE}", 0.5, "address"),
        (f"{STREET} >= 0.9 and {NUMBER} and {PLACE}", 0.12, None),
        (f"{STREET} >= 0.9 and {PLACE}", 0.08, None),
        ("street_l = street_r and house_number_l = house_number_r", 0.04, None),
        (f"postcode_l = postcode_r and ({CITY} >= 0.9 or {either_null('city')})", 0.08, "postcode"),
        ("city_l = city_r", 0.04, "city"),
        (f"postcode_l = postcode_r or {CITY} >= 0.8 or {slips('postcode_l', 'postcode_r')} <= 1", 0.04, None),
    ]),
]


def rule(*key):
    """Equal keys, as block_on makes them, of attributes and of SQL over them."""
    side = lambda part, s: re.sub(r"\b(first_name|last_name|birth_date|email|mailbox|phone|street|house_number|postcode|city)\b", rf"{s}.\1", part)
    return " and ".join(f"{side(part, 'l')} = {side(part, 'r')}" for part in key)


blocking = [
    rule("email"),
    rule("phone"),
    rule("birth_date", "substr(first_name, 1, 2)"),
    rule("birth_date", "substr(last_name, 1, 2)"),
    rule("first_name", "last_name"),
    rule("street", "house_number", "substr(postcode, 1, 2)"),
    rule("last_name", "postcode"),
    rule("first_name", "postcode"),
    rule("birth_date", "postcode"),
    rule("birth_date", "city"),
    rule("mailbox"),
    rule("last_name", "substr(birth_date, 1, 6)"),
    rule("first_name", "substr(birth_date, 1, 6)"),
    rule("last_name", "substr(birth_date, 5, 4)"),
    rule("first_name", "substr(birth_date, 5, 4)"),
    rule("substr(first_name, 1, 3)", "substr(last_name, 1, 3)", "substr(birth_date, 1, 4)"),
    rule("least(first_name, last_name)", "greatest(first_name, last_name)"),
]
settings = SettingsCreator(
    link_type="dedupe_only", comparisons=comparisons, blocking_rules_to_generate_predictions=blocking
)
api = DuckDBAPI(connection)
linker = Linker(api.register("persons"), settings)
training = linker.training
training.estimate_probability_two_random_records_match(
    [rule("first_name", "last_name", "birth_date"), rule("email")], recall=0.7
)
training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
for key in [("first_name", "last_name"), ("birth_date",), ("email",), ("phone",)]:
    training.estimate_parameters_using_expectation_maximisation(rule(*key), max_pairs=2e5, estimate_without_term_frequencies=True)
predictions = linker.inference.predict(threshold_match_probability=0.9)
clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(predictions, threshold_match_probability=0.9)
connection.execute(
    f"copy (select unique_id as record_id, cluster_id as customer_id from {clusters.physical_name}) to '{found}' (header)"
)
pairs = connection.execute(f"select count(*) from {predictions.physical_name}").fetchone()[0]
print(f"{pairs} links")
