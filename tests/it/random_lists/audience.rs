//! Audiences at random, as the pipeline file declares them.

use rand::Rng;
use rand::seq::SliceRandom;
use rand_xoshiro::Xoshiro256PlusPlus;

use super::condition::Condition;
use super::world::{CHANNELS, PURPOSES, World};

pub struct Drawn {
    pub name: String,
    /// Whether the table of scores is joined.
    pub scores: bool,
    pub rules: Rules,
    pub exclusions: Vec<Condition>,
    pub rank: Rank,
    pub limit: Option<usize>,
    pub channel: &'static str,
    /// For these purposes; none where consents know no purposes.
    pub consent: Option<Vec<&'static str>>,
    pub reach: Reach,
    pub control: f64,
    pub salt: Option<&'static str>,
}

/// How `where` is written.
pub enum Rules {
    One(Condition),
    Plain(Vec<Condition>),
    Named(Vec<Condition>),
}

/// How it is found out who can be reached.
pub enum Reach {
    /// By the address of the channel.
    Usual,
    Unchecked,
    Condition(Condition),
    /// By telephone, whatever the channel is called.
    Phone,
    Mobile,
}

#[derive(Debug, Clone, Copy)]
pub enum Rank {
    Orders,
    Net,
    MinusNet,
    Ratio,
    Big,
    Constant,
    Score,
    TotalAmount,
}

impl Drawn {
    pub fn at_random(chance: &mut Xoshiro256PlusPlus, world: &World, name: String) -> Drawn {
        let scores = chance.gen_bool(0.5);
        let several = |chance: &mut Xoshiro256PlusPlus, most: usize, least: usize| -> Vec<Condition> {
            let many = chance.gen_range(least..=most);
            (0..many).map(|_| Condition::drawn(chance, 2, scores)).collect()
        };
        let rules = match chance.gen_range(0..4) {
            0 => Rules::One(Condition::Literal(Some(true))),
            1 => Rules::One(Condition::drawn(chance, 3, scores)),
            2 => {
                let mut all = several(chance, 2, 1);
                all.dedup_by_key(|condition| condition.sql());
                Rules::Plain(all)
            }
            _ => Rules::Named(several(chance, 3, 1)),
        };
        let exclusions = several(chance, 3, 0);
        let mut ranks = vec![
            Rank::Orders,
            Rank::Net,
            Rank::MinusNet,
            Rank::Ratio,
            Rank::Ratio,
            Rank::Big,
            Rank::Constant,
            Rank::TotalAmount,
        ];
        if scores {
            ranks.push(Rank::Score);
        }
        let purposes = || match world.by_purpose {
            true => PURPOSES.to_vec(),
            false => Vec::new(),
        };
        let consent = chance.gen_bool(0.5).then(|| {
            let mut purposes = purposes();
            if chance.gen_bool(0.6) {
                purposes.truncate(1);
            }
            purposes
        });
        let reach = match chance.gen_range(0..8) {
            0 => Reach::Unchecked,
            1 => Reach::Condition(Condition::drawn(chance, 2, scores)),
            2 => Reach::Phone,
            3 => Reach::Mobile,
            _ => Reach::Usual,
        };
        Drawn {
            name,
            scores,
            rules,
            exclusions,
            rank: *ranks.choose(chance).unwrap(),
            limit: chance.gen_bool(0.6).then(|| chance.gen_range(1..30)),
            channel: CHANNELS.choose(chance).unwrap(),
            consent,
            reach,
            control: *[0.0, 0.1, 0.5].choose(chance).unwrap(),
            salt: chance.gen_bool(0.3).then_some("spring"),
        }
    }

    pub fn toml(&self) -> String {
        let from = if self.scores { "\"mart.people\", \"mart.scores\"" } else { "\"mart.people\"" };
        let entry = |n: usize, condition: &Condition, word: &str| {
            format!("{{ reason = \"{word} {n}\", where = \"{}\" }}", condition.sql())
        };
        let listed = |entries: Vec<String>| format!("[\n  {}\n]", entries.join(",\n  "));
        let rules = match &self.rules {
            Rules::One(one) => format!("\"{}\"", one.sql()),
            Rules::Plain(all) => listed(all.iter().map(|c| format!("\"{}\"", c.sql())).collect()),
            Rules::Named(all) => {
                listed(all.iter().enumerate().map(|(n, c)| entry(n, c, "not meant")).collect())
            }
        };
        let exclusions =
            listed(self.exclusions.iter().enumerate().map(|(n, c)| entry(n, c, "excluded")).collect());
        let mut text = format!(
            "\n[audiences.{}]\nfrom = [{from}]\nwhere = {rules}\nexclude = {exclusions}\nrank_by = \"{}\"\n\
             channel = \"{}\"\ncontrol = {}\n",
            self.name,
            self.rank.sql(),
            self.channel,
            self.control
        );
        if let Some(limit) = self.limit {
            text.push_str(&format!("limit = {limit}\n"));
        }
        if let Some(salt) = self.salt {
            text.push_str(&format!("salt = \"{salt}\"\n"));
        }
        match self.consent.as_deref() {
            None => text.push_str("consent = false\n"),
            Some([]) => {}
            Some([one]) => text.push_str(&format!("purpose = \"{one}\"\n")),
            Some(all) => text.push_str(&format!("purpose = {all:?}\n")),
        }
        match &self.reach {
            Reach::Usual => {}
            Reach::Unchecked => text.push_str("reachable = false\n"),
            Reach::Condition(condition) => text.push_str(&format!("reachable = \"{}\"\n", condition.sql())),
            Reach::Phone => text.push_str("reachable = { phone = \"phone\" }\n"),
            Reach::Mobile => text.push_str("reachable = { mobile = \"phone\" }\n"),
        }
        text
    }
}

impl Rules {
    pub fn conditions(&self) -> &[Condition] {
        match self {
            Rules::One(one) => std::slice::from_ref(one),
            Rules::Plain(all) | Rules::Named(all) => all,
        }
    }
}

impl Rank {
    fn sql(self) -> &'static str {
        match self {
            Rank::Orders => "orders",
            Rank::Net => "net",
            Rank::MinusNet => "-net",
            // No mart keeps an infinity; a ranking may come to one.
            Rank::Ratio => {
                "case odd when 'inf' then cast('Infinity' as double) when 'minus' then cast('-Infinity' as double) \
                 when 'nan' then cast('NaN' as double) when 'zero' then cast('-0.0' as double) \
                 else cast(net as double) / 8 end"
            }
            Rank::Big => "big",
            Rank::Constant => "1",
            Rank::Score => "scores.score",
            Rank::TotalAmount => {
                "(select sum(l.amount) from core.lines l where l.customer_id = base.customer_id)"
            }
        }
    }
}
