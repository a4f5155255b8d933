//! The rows: customers, and tables with none, one or several rows of each.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use rand::Rng;
use rand::seq::SliceRandom;
use rand_xoshiro::Xoshiro256PlusPlus;

pub const COUNTRIES: [&str; 3] = ["FR", "BE", "IT"];
pub const PRODUCTS: [&str; 4] = ["p0", "p1", "p2", "p3"];
pub const KINDS: [&str; 2] = ["complaint", "question"];
pub const CHANNELS: [&str; 2] = ["email", "post"];
/// Telephone numbers of people, whether they can be called and whether they take text messages; where no country is
/// declared, a national number can be called.
pub const PHONES: [(&str, bool, bool); 5] = [
    ("+33 6 12 34 56 78", true, true),
    ("+33142685300", true, false),
    ("06 12 34 56 78", true, false),
    ("12", false, false),
    ("unknown", false, false),
];
pub const PURPOSES: [&str; 2] = ["news", "offers"];

pub struct World {
    pub seed: u64,
    pub people: Vec<Person>,
    pub scores: Vec<Score>,
    pub lines: Vec<Line>,
    pub calls: Vec<Call>,
    pub visits: Vec<Option<String>>,
    pub words: Vec<Word>,
    /// Whether consents are given to purposes.
    pub by_purpose: bool,
    /// What came back, where anything is kept of it.
    pub bounces: Option<Vec<Bounce>>,
}

/// One row per customer: the base.
pub struct Person {
    pub id: String,
    pub orders: Option<i64>,
    /// In quarters of a unit: what floats and decimals both hold exactly.
    pub net: Option<i64>,
    pub country: Option<&'static str>,
    pub vip: Option<bool>,
    /// Beyond what a float tells apart.
    pub big: Option<i64>,
    /// A ratio that is not an ordinary number.
    pub odd: Option<&'static str>,
    /// An address, or what is none.
    pub email: Option<String>,
    pub phone: Option<(&'static str, bool, bool)>,
    /// Street, postcode and city, some of them missing.
    pub address: [Option<&'static str>; 3],
}

/// Something came back from an address.
pub struct Bounce {
    pub channel: Option<&'static str>,
    pub address: Option<String>,
    pub day: i64,
}

/// At most one row per customer, of some who are customers and some who are not.
pub struct Score {
    pub id: String,
    pub score: Option<i64>,
    /// A column that the base has, too.
    pub country: Option<&'static str>,
}

pub struct Line {
    pub customer: Option<String>,
    pub product: Option<&'static str>,
    pub amount: Option<i64>,
    /// Days from the night: it is not known yet from 0 on.
    pub day: i64,
}

pub struct Call {
    pub customer: Option<String>,
    pub kind: Option<&'static str>,
}

/// What was said about a consent.
pub struct Word {
    pub customer: Option<String>,
    pub channel: Option<&'static str>,
    pub purpose: Option<&'static str>,
    pub granted: Option<bool>,
    pub day: i64,
}

fn maybe<T: Copy>(chance: &mut Xoshiro256PlusPlus, share: f64, of: &[T]) -> Option<T> {
    if chance.gen_bool(share) { of.choose(chance).copied() } else { None }
}

impl World {
    pub fn drawn(chance: &mut Xoshiro256PlusPlus, seed: u64) -> World {
        let many = [120, 60, 20, 3, 1][(seed % 5) as usize];
        let id = |n: usize| format!("c{n:03}");
        let people: Vec<Person> = (0..many)
            .map(|n| Person {
                id: id(n),
                orders: chance.gen_bool(0.85).then(|| chance.gen_range(0..6)),
                net: chance.gen_bool(0.85).then(|| chance.gen_range(-8..40)),
                country: maybe(chance, 0.8, &COUNTRIES),
                vip: maybe(chance, 0.7, &[true, false]),
                big: chance.gen_bool(0.9).then(|| 9_007_199_254_740_992 + chance.gen_range(0..5)),
                odd: maybe(chance, 0.25, &["inf", "minus", "nan", "zero"]),
                email: match chance.gen_range(0..8) {
                    0 => None,
                    1 => Some("c001 at firm".to_owned()),
                    // A family shares one.
                    2 => Some("Family@Firm.example".to_owned()),
                    _ => Some(format!("{}@firm.example", id(n))),
                },
                phone: maybe(chance, 0.8, &PHONES),
                address: [
                    maybe(chance, 0.9, &["12 rue de la Paix", "3 bis quai Nord"]),
                    maybe(chance, 0.9, &["75002", "1000", "69001"]),
                    maybe(chance, 0.9, &["Paris", "Lyon", "-"]),
                ],
            })
            .collect();
        let somebody = |chance: &mut Xoshiro256PlusPlus| {
            chance.gen_bool(0.93).then(|| id(chance.gen_range(0..many + 3)))
        };
        let mut scores = Vec::new();
        for n in 0..many + 3 {
            if chance.gen_bool(0.7) {
                scores.push(Score {
                    id: id(n),
                    score: chance.gen_bool(0.8).then(|| chance.gen_range(0..12)),
                    country: maybe(chance, 0.8, &COUNTRIES),
                });
            }
        }
        let lines = (0..chance.gen_range(0..many * 3))
            .map(|_| Line {
                customer: somebody(chance),
                product: maybe(chance, 0.85, &PRODUCTS),
                amount: chance.gen_bool(0.85).then(|| chance.gen_range(0..9)),
                day: chance.gen_range(-60..12),
            })
            .collect::<Vec<_>>();
        // Half of the time nobody's calls are there, so that `not in` holds for somebody.
        let nobody = chance.gen_bool(0.5);
        let calls = (0..chance.gen_range(0..many + 1))
            .map(|_| Call { customer: somebody(chance), kind: maybe(chance, 0.8, &KINDS) })
            .filter(|call| nobody || call.customer.is_some())
            .collect::<Vec<_>>();
        let visits = (0..chance.gen_range(0..many)).map(|_| somebody(chance)).collect();
        let words = (0..chance.gen_range(0..many * 3))
            .map(|_| Word {
                customer: somebody(chance),
                channel: maybe(chance, 0.97, &["email", "email", "email", "post", "Email", "e-mail"]),
                purpose: maybe(chance, 0.97, &["news", "news", "offers", "offers", "News"]),
                granted: maybe(chance, 0.97, &[true, true, true, false]),
                day: chance.gen_range(-9..3),
            })
            .collect::<Vec<_>>();
        let bounces = chance.gen_bool(0.6).then(|| {
            (0..chance.gen_range(0..many + 1))
                .map(|_| Bounce {
                    channel: maybe(
                        chance,
                        0.95,
                        &["email", "email", "E-Mail", "phone", "sms", "post", "fax"],
                    ),
                    address: match chance.gen_range(0..8) {
                        0 => None,
                        1 => Some("family@firm.example".to_owned()),
                        2 => Some("+33 612.345.678".to_owned()),
                        3 => Some("12 RUE DE LA PAIX 75002 PARIS".to_owned()),
                        _ => Some(format!(" {}@FIRM.example", id(chance.gen_range(0..many)))),
                    },
                    day: chance.gen_range(-9..3),
                })
                .collect()
        });
        let by_purpose = chance.gen_bool(0.5);
        World { seed, people, scores, lines, calls, visits, words, by_purpose, bounces }
    }

    /// Customers with several visits, their rows, and visits of nobody.
    pub fn visits_of(&self) -> (usize, usize, usize) {
        let mut counts = std::collections::BTreeMap::<&str, usize>::new();
        for visitor in self.visits.iter().flatten() {
            *counts.entry(visitor).or_default() += 1;
        }
        let several = || counts.values().filter(|n| **n > 1);
        (several().count(), several().sum(), self.visits.iter().filter(|v| v.is_none()).count())
    }

    /// The exports and the models.
    pub fn write(&self, folder: &Path) {
        fn cell<T: ToString>(value: &Option<T>) -> String {
            value.as_ref().map(ToString::to_string).unwrap_or_default()
        }
        let quarters = |value: &Option<i64>| cell(&value.map(|quarters| quarters as f64 / 4.0));
        let mut files = [
            (
                "people",
                "customer_id,orders,net,country,vip,big,odd,email,phone,street,postcode,city\n".to_owned(),
            ),
            ("scores", "customer_id,score,country\n".to_owned()),
            ("lines", "customer_id,product,amount,at\n".to_owned()),
            ("calls", "customer_id,kind\n".to_owned()),
            ("visits", "customer_id,page\n".to_owned()),
            ("consents", "customer_id,channel,purpose,granted,valid_from\n".to_owned()),
            ("bounces", "channel,address,valid_from\n".to_owned()),
        ];
        let mut put = |n: usize, cells: &[String]| writeln!(files[n].1, "{}", cells.join(",")).unwrap();
        for p in &self.people {
            let net = quarters(&p.net);
            put(
                0,
                &[
                    p.id.clone(),
                    cell(&p.orders),
                    net,
                    cell(&p.country),
                    cell(&p.vip),
                    cell(&p.big),
                    cell(&p.odd),
                    cell(&p.email),
                    cell(&p.phone.map(|(number, ..)| number)),
                    cell(&p.address[0]),
                    cell(&p.address[1]),
                    cell(&p.address[2]),
                ],
            );
        }
        for s in &self.scores {
            put(1, &[s.id.clone(), quarters(&s.score), cell(&s.country)]);
        }
        for l in &self.lines {
            put(2, &[cell(&l.customer), cell(&l.product), cell(&l.amount), instant(l.day)]);
        }
        for c in &self.calls {
            put(3, &[cell(&c.customer), cell(&c.kind)]);
        }
        for (n, visitor) in self.visits.iter().enumerate() {
            put(4, &[cell(visitor), format!("page{n}")]);
        }
        for w in &self.words {
            put(
                5,
                &[cell(&w.customer), cell(&w.channel), cell(&w.purpose), cell(&w.granted), instant(w.day)],
            );
        }
        for b in self.bounces.iter().flatten() {
            put(6, &[cell(&b.channel), cell(&b.address), instant(b.day)]);
        }
        fs::create_dir_all(folder.join("data")).unwrap();
        for (name, text) in files {
            fs::write(folder.join(format!("data/{name}.csv")), text).unwrap();
        }
        let purpose = if self.by_purpose { "purpose, " } else { "" };
        let mut models = vec![
            (
                "mart/people",
                "select customer_id, orders, net, country, vip, big, odd, email, phone, street, postcode, city \
                 from raw.people"
                    .to_owned(),
            ),
            ("mart/scores", "select customer_id, score, country from raw.scores".to_owned()),
            ("mart/visits", "select customer_id, page from raw.visits".to_owned()),
            ("core/lines", "select customer_id, product, amount, at from raw.lines".to_owned()),
            ("core/calls", "select customer_id, kind from raw.calls".to_owned()),
            (
                "core/consents",
                format!("select customer_id, channel, {purpose}granted, valid_from from raw.consents"),
            ),
        ];
        if self.bounces.is_some() {
            let sql = "select channel, address, valid_from from raw.bounces";
            models.push(("core/bounces", sql.to_owned()));
        }
        for (name, sql) in models {
            let file = folder.join(format!("sql/{name}.sql"));
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, sql).unwrap();
        }
        // What is declared of the tables is not a proof of what they hold.
        for (name, properties) in [
            ("mart/people", "key = [\"customer_id\"]\n"),
            ("mart/scores", "key = [\"customer_id\"]\n"),
            ("mart/visits", "key = [\"page\"]\n"),
            ("core/lines", "time = \"at\"\n"),
        ] {
            fs::write(folder.join(format!("sql/{name}.toml")), properties).unwrap();
        }
    }

    /// The pipeline with these audiences.
    pub fn toml(&self, folder: &Path, audiences: &str) -> String {
        let source = |name: &str, columns: &str| {
            let path = folder.join(format!("data/{name}.csv"));
            format!(
                "[sources.{name}]\npath = \"{}\"\nformat = \"csv\"\ncolumns = {{ {columns} }}\n",
                path.display()
            )
        };
        [
            "name = \"random\"\nas_of = \"2026-07-01\"\nmodels = \"sql\"\n".to_owned(),
            source(
                "people",
                "customer_id = \"text\", orders = \"integer\", net = \"decimal(12,2)\", country = \"text\", \
                 vip = \"boolean\", big = \"integer\", odd = \"text\", email = \"text\", phone = \"text\", \
                 street = \"text\", postcode = \"text\", city = \"text\"",
            ),
            source("scores", "customer_id = \"text\", score = \"decimal(12,2)\", country = \"text\""),
            source(
                "lines",
                "customer_id = \"text\", product = \"text\", amount = \"integer\", at = \"timestamp\"",
            ),
            source("calls", "customer_id = \"text\", kind = \"text\""),
            source("visits", "customer_id = \"text\", page = \"text\""),
            source(
                "consents",
                "customer_id = \"text\", channel = \"text\", purpose = \"text\", granted = \"boolean\", \
                 valid_from = \"timestamp\"",
            ),
            source("bounces", "channel = \"text\", address = \"text\", valid_from = \"timestamp\""),
            audiences.to_owned(),
        ]
        .concat()
    }
}

/// So many days from the night.
fn instant(day: i64) -> String {
    let night = chrono::NaiveDate::from_ymd_opt(2026, 7, 1).unwrap();
    format!("{}T00:00:00Z", night + chrono::Duration::days(day))
}
