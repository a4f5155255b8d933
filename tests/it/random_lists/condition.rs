//! Conditions: how they are written in SQL, and what they mean, in three values.

use rand::Rng;
use rand::seq::SliceRandom;
use rand_xoshiro::Xoshiro256PlusPlus;

use super::world::{COUNTRIES, KINDS, Line, PRODUCTS, Person, Score, World};

/// True, false, or not known.
pub type Truth = Option<bool>;

#[derive(Debug, Clone, Copy)]
pub enum Op {
    Less,
    Equal,
    Differs,
    AtLeast,
}

#[derive(Debug, Clone)]
pub enum Condition {
    Literal(Truth),
    Orders(Op, i64),
    /// In quarters.
    Net(Op, i64),
    Vip,
    Country(Op, &'static str),
    /// Of the table that is joined.
    Score(Op, i64),
    ScoresCountry(Op, &'static str),
    HasScore,
    OrdersKnown,
    Not(Box<Condition>),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    /// The customer has such a line.
    Exists(LineFilter),
    /// A value is in a list: of the customer's own rows only, or of all.
    In {
        value: Value,
        list: List,
        own: bool,
        negated: bool,
    },
    /// As many orders as the most that anybody has.
    MostOrders,
    /// A number over the customer's lines.
    Total(Total, LineFilter, Op, i64),
}

#[derive(Debug, Clone)]
pub enum LineFilter {
    All,
    Amount(Op, i64),
    Product(&'static str),
    /// Asked of other tables within.
    SoldToCountry(&'static str),
    BuyerCalled {
        kind: &'static str,
        negated: bool,
    },
    RetentionCutoff(i64),
    /// Compared with the customer by more than the id.
    AboveOrders,
    And(Box<LineFilter>, Box<LineFilter>),
    Not(Box<LineFilter>),
}

#[derive(Debug, Clone, Copy)]
pub enum Value {
    Id,
    Country,
    Orders,
}

#[derive(Debug, Clone, Copy)]
pub enum List {
    LineCustomers,
    CallCustomers(&'static str),
    ScoreCountries,
    LineAmounts,
}

#[derive(Debug, Clone, Copy)]
pub enum Total {
    Count,
    Sum,
    SumOrZero,
    Max,
}

impl Op {
    fn drawn(chance: &mut Xoshiro256PlusPlus) -> Op {
        *[Op::Less, Op::Equal, Op::Differs, Op::AtLeast].choose(chance).unwrap()
    }

    fn sql(self) -> &'static str {
        match self {
            Op::Less => "<",
            Op::Equal => "=",
            Op::Differs => "<>",
            Op::AtLeast => ">=",
        }
    }

    fn holds<T: PartialOrd>(self, left: Option<T>, right: T) -> Truth {
        left.map(|left| match self {
            Op::Less => left < right,
            Op::Equal => left == right,
            Op::Differs => left != right,
            Op::AtLeast => left >= right,
        })
    }
}

fn not(truth: Truth) -> Truth {
    truth.map(|truth| !truth)
}

fn and(one: Truth, other: Truth) -> Truth {
    match (one, other) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

fn or(one: Truth, other: Truth) -> Truth {
    not(and(not(one), not(other)))
}

impl Condition {
    /// Of so many levels at most; `scores` says whether their table is joined.
    pub fn drawn(chance: &mut Xoshiro256PlusPlus, depth: u32, scores: bool) -> Condition {
        if depth > 0 && chance.gen_bool(0.45) {
            let mut part = || Box::new(Condition::drawn(chance, depth - 1, scores));
            let (one, other) = (part(), part());
            return match chance.gen_range(0..3) {
                0 => Condition::Not(one),
                1 => Condition::And(one, other),
                _ => Condition::Or(one, other),
            };
        }
        let op = Op::drawn(chance);
        let country = *COUNTRIES.choose(chance).unwrap();
        match chance.gen_range(0..if scores { 15 } else { 12 }) {
            0 => Condition::Literal(*[Some(true), Some(true), Some(false), None].choose(chance).unwrap()),
            1 => Condition::Orders(op, chance.gen_range(0..6)),
            2 => Condition::Net(op, chance.gen_range(-4..30)),
            3 => Condition::Vip,
            4 => Condition::Country(op, country),
            5 => Condition::OrdersKnown,
            6 => Condition::Exists(LineFilter::drawn(chance, 2)),
            7 | 8 => {
                let (value, list) = *[
                    (Value::Id, List::LineCustomers),
                    (Value::Id, List::CallCustomers(KINDS.choose(chance).unwrap())),
                    (Value::Country, List::ScoreCountries),
                    (Value::Orders, List::LineAmounts),
                ]
                .choose(chance)
                .unwrap();
                Condition::In { value, list, own: chance.gen_bool(0.4), negated: chance.gen_bool(0.5) }
            }
            9 | 10 => {
                let total = *[Total::Count, Total::Sum, Total::SumOrZero, Total::Max].choose(chance).unwrap();
                // The engine compares rows of a total with the customer by `=` only.
                let filter = LineFilter::drawn_within(chance, 1);
                Condition::Total(total, filter, op, chance.gen_range(0..10))
            }
            11 => Condition::MostOrders,
            12 => Condition::Score(op, chance.gen_range(0..12)),
            13 => Condition::ScoresCountry(op, country),
            _ => Condition::HasScore,
        }
    }

    pub fn sql(&self) -> String {
        match self {
            Condition::Literal(truth) => truth.map_or("null".to_owned(), |truth| truth.to_string()),
            Condition::Orders(op, n) => format!("orders {} {n}", op.sql()),
            Condition::Net(op, n) => format!("base.net {} {}", op.sql(), quarters(*n)),
            Condition::Vip => "people.vip".to_owned(),
            // The joined table has a column of this name, too.
            Condition::Country(op, country) => format!("mart.people.country {} '{country}'", op.sql()),
            Condition::Score(op, n) => format!("score {} {}", op.sql(), quarters(*n)),
            Condition::ScoresCountry(op, country) => format!("scores.country {} '{country}'", op.sql()),
            Condition::HasScore => "scores.customer_id is not null".to_owned(),
            Condition::OrdersKnown => "orders is not null".to_owned(),
            Condition::MostOrders => "orders = (select max(p.orders) from mart.people p)".to_owned(),
            Condition::Not(one) => format!("not ({})", one.sql()),
            Condition::And(one, other) => format!("({} and {})", one.sql(), other.sql()),
            Condition::Or(one, other) => format!("({} or {})", one.sql(), other.sql()),
            Condition::Exists(filter) => format!(
                "exists (select 1 from core.lines l where l.customer_id = base.customer_id and {})",
                filter.sql()
            ),
            Condition::In { value, list, own, negated } => {
                let value = match value {
                    Value::Id => "customer_id",
                    Value::Country => "people.country",
                    Value::Orders => "base.orders",
                };
                let (column, table, filter) = match list {
                    List::LineCustomers => ("x.customer_id", "core.lines", "true".to_owned()),
                    List::CallCustomers(kind) => {
                        ("x.customer_id", "core.calls", format!("x.kind = '{kind}'"))
                    }
                    List::ScoreCountries => ("x.country", "mart.scores", "true".to_owned()),
                    List::LineAmounts => ("x.amount", "core.lines", "true".to_owned()),
                };
                let own = if *own { " and x.customer_id = base.customer_id" } else { "" };
                let negated = if *negated { "not " } else { "" };
                format!("{value} {negated}in (select {column} from {table} as x where {filter}{own})")
            }
            Condition::Total(total, filter, op, n) => {
                let total = match total {
                    Total::Count => "count(*)",
                    Total::Sum => "sum(l.amount)",
                    Total::SumOrZero => "coalesce(sum(l.amount), 0)",
                    Total::Max => "max(l.amount)",
                };
                format!(
                    "(select {total} from core.lines l where l.customer_id = base.customer_id and {}) {} {n}",
                    filter.sql(),
                    op.sql()
                )
            }
        }
    }

    pub fn holds(&self, world: &World, person: &Person) -> Truth {
        let score = || -> Option<&Score> { world.scores.iter().find(|s| s.id == person.id) };
        match self {
            Condition::Literal(truth) => *truth,
            Condition::Orders(op, n) => op.holds(person.orders, *n),
            Condition::Net(op, n) => op.holds(person.net, *n),
            Condition::Vip => person.vip,
            Condition::Country(op, country) => op.holds(person.country, *country),
            Condition::Score(op, n) => op.holds(score().and_then(|s| s.score), *n),
            Condition::ScoresCountry(op, country) => op.holds(score().and_then(|s| s.country), *country),
            Condition::HasScore => Some(score().is_some()),
            Condition::OrdersKnown => Some(person.orders.is_some()),
            Condition::MostOrders => {
                let most = world.people.iter().filter_map(|p| p.orders).max();
                person.orders.zip(most).map(|(orders, most)| orders == most)
            }
            Condition::Not(one) => not(one.holds(world, person)),
            Condition::And(one, other) => and(one.holds(world, person), other.holds(world, person)),
            Condition::Or(one, other) => or(one.holds(world, person), other.holds(world, person)),
            Condition::Exists(filter) => Some(lines_of(world, person, filter).next().is_some()),
            Condition::In { value, list, own, negated } => {
                let value = match value {
                    Value::Id => Some(person.id.clone()),
                    Value::Country => person.country.map(str::to_owned),
                    Value::Orders => person.orders.map(|n| n.to_string()),
                };
                let listed = list.values(world, own.then_some(person));
                let found = match value {
                    _ if listed.is_empty() => Some(false),
                    None => None,
                    Some(value) if listed.contains(&Some(value.clone())) => Some(true),
                    Some(_) if listed.contains(&None) => None,
                    Some(_) => Some(false),
                };
                if *negated { not(found) } else { found }
            }
            Condition::Total(total, filter, op, n) => {
                let amounts: Vec<i64> = lines_of(world, person, filter).filter_map(|l| l.amount).collect();
                let total = match total {
                    Total::Count => Some(lines_of(world, person, filter).count() as i64),
                    Total::Sum => (!amounts.is_empty()).then(|| amounts.iter().sum()),
                    Total::SumOrZero => Some(amounts.iter().sum()),
                    Total::Max => amounts.iter().max().copied(),
                };
                op.holds(total, *n)
            }
        }
    }
}

/// The customer's lines that are known and for which the filter holds.
fn lines_of<'w>(
    world: &'w World,
    person: &'w Person,
    filter: &'w LineFilter,
) -> impl Iterator<Item = &'w Line> {
    let own = |line: &&Line| line.customer.as_ref() == Some(&person.id) && line.day < 0;
    world.lines.iter().filter(own).filter(|line| filter.holds(world, person, line) == Some(true))
}

/// What a customer's lines add up to, for a ranking.
pub fn total_amount(world: &World, person: &Person) -> Option<i64> {
    let amounts: Vec<i64> = lines_of(world, person, &LineFilter::All).filter_map(|l| l.amount).collect();
    (!amounts.is_empty()).then(|| amounts.iter().sum())
}

impl LineFilter {
    fn drawn(chance: &mut Xoshiro256PlusPlus, depth: u32) -> LineFilter {
        if chance.gen_bool(0.2) {
            return LineFilter::AboveOrders;
        }
        LineFilter::drawn_within(chance, depth)
    }

    /// One that knows nothing of the customer.
    fn drawn_within(chance: &mut Xoshiro256PlusPlus, depth: u32) -> LineFilter {
        if depth > 0 && chance.gen_bool(0.35) {
            let one = Box::new(LineFilter::drawn_within(chance, depth - 1));
            let other = Box::new(LineFilter::drawn_within(chance, depth - 1));
            return if chance.gen_bool(0.6) {
                LineFilter::And(one, other)
            } else {
                // What the engine would answer with null taken for false is refused, not tried here.
                LineFilter::Not(Box::new(LineFilter::Amount(Op::drawn(chance), chance.gen_range(0..9))))
            };
        }
        match chance.gen_range(0..7) {
            0 => LineFilter::All,
            1 | 2 => LineFilter::Amount(Op::drawn(chance), chance.gen_range(0..9)),
            3 => LineFilter::Product(PRODUCTS.choose(chance).unwrap()),
            4 => LineFilter::SoldToCountry(COUNTRIES.choose(chance).unwrap()),
            5 => {
                LineFilter::BuyerCalled { kind: KINDS.choose(chance).unwrap(), negated: chance.gen_bool(0.5) }
            }
            _ => LineFilter::RetentionCutoff(chance.gen_range(1..60)),
        }
    }

    fn sql(&self) -> String {
        match self {
            LineFilter::All => "true".to_owned(),
            LineFilter::Amount(op, n) => format!("l.amount {} {n}", op.sql()),
            LineFilter::Product(product) => format!("l.product = '{product}'"),
            LineFilter::SoldToCountry(country) => format!(
                "l.product in (select o.product from core.lines o join mart.scores s on s.customer_id = \
                 o.customer_id where s.country = '{country}')"
            ),
            LineFilter::BuyerCalled { kind, negated } => format!(
                "{}exists (select 1 from core.calls c where c.customer_id = l.customer_id and c.kind = '{kind}')",
                if *negated { "not " } else { "" }
            ),
            LineFilter::RetentionCutoff(days) => format!("l.at >= $as_of - interval '{days} days'"),
            LineFilter::AboveOrders => "l.amount > base.orders".to_owned(),
            LineFilter::And(one, other) => format!("{} and {}", one.sql(), other.sql()),
            LineFilter::Not(one) => format!("not ({})", one.sql()),
        }
    }

    fn holds(&self, world: &World, person: &Person, line: &Line) -> Truth {
        match self {
            LineFilter::All => Some(true),
            LineFilter::Amount(op, n) => op.holds(line.amount, *n),
            LineFilter::Product(product) => line.product.map(|p| p == *product),
            LineFilter::SoldToCountry(country) => {
                let sold = world.lines.iter().filter(|other| other.day < 0).any(|other| {
                    let buyer = world.scores.iter().find(|s| Some(&s.id) == other.customer.as_ref());
                    buyer.is_some_and(|s| s.country == Some(country))
                        && other.product.is_some()
                        && other.product == line.product
                });
                // Whether it is null or false makes no difference where rows are filtered.
                Some(sold)
            }
            LineFilter::BuyerCalled { kind, negated } => {
                let called = world.calls.iter().any(|call| {
                    call.kind == Some(kind) && call.customer.is_some() && call.customer == line.customer
                });
                Some(called != *negated)
            }
            LineFilter::RetentionCutoff(days) => Some(line.day >= -days),
            LineFilter::AboveOrders => line.amount.zip(person.orders).map(|(amount, orders)| amount > orders),
            LineFilter::And(one, other) => {
                and(one.holds(world, person, line), other.holds(world, person, line))
            }
            LineFilter::Not(one) => not(one.holds(world, person, line)),
        }
    }
}

impl List {
    fn values(self, world: &World, of: Option<&Person>) -> Vec<Option<String>> {
        let own = |customer: Option<&String>| of.is_none_or(|person| customer == Some(&person.id));
        let lines = || world.lines.iter().filter(|l| l.day < 0 && own(l.customer.as_ref()));
        match self {
            List::LineCustomers => lines().map(|l| l.customer.clone()).collect(),
            List::LineAmounts => lines().map(|l| l.amount.map(|n| n.to_string())).collect(),
            List::CallCustomers(kind) => world
                .calls
                .iter()
                .filter(|c| c.kind == Some(kind) && own(c.customer.as_ref()))
                .map(|c| c.customer.clone())
                .collect(),
            List::ScoreCountries => world
                .scores
                .iter()
                .filter(|s| own(Some(&s.id)))
                .map(|s| s.country.map(str::to_owned))
                .collect(),
        }
    }
}

fn quarters(n: i64) -> String {
    format!("{:.2}", n as f64 / 4.0)
}
