//! The planted truth: who is who, who left and with what probability, and what moved them.
//!
//! It is beside the exports, in `truth/`, and no pipeline reads it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanBuilder, Date32Builder, Float64Builder, Int64Builder, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema};
use serde::Serialize;

use super::behaviour::{Chosen, Life};
use super::calendar::{
    ELIGIBLE_STEPS, HOLDOUT_STEP, OUTCOME_STEPS, STEPS, as_utc_text, day, days_since_1970, step_start,
};
use super::campaign::{Group, LETTERS, Letter, WORKING_STEPS, working};
use super::channel_records::Story;
use super::churn::{INCIDENT, INCIDENT_MEMORY, churn_probability};
use super::economy::waiting::{LONGER_MEAN, SHORTEST_MEAN};
use super::organisation::Organisation;
use super::output::{Columns, Rows, Table, columns};
use super::person::Person;
use super::response::{self, Response};
use crate::error::{Context, Result};

/// A forecast at a cut-off and what came of it.
#[derive(Debug, Clone, Copy)]
pub struct Forecast {
    /// Bought within the 180 days before.
    pub eligible: bool,
    /// Probability of no purchase in the next 90 days, given what the channels had shown; None for
    /// who had not bought.
    pub probability: Option<f64>,
    /// No purchase came.
    pub churned: bool,
}

pub(super) fn forecast(life: &Life, cutoff: usize) -> Forecast {
    Forecast {
        eligible: life.seen.bought(cutoff.saturating_sub(ELIGIBLE_STEPS), cutoff) > 0,
        probability: churn_probability(&life.seen, life.known, cutoff),
        churned: life.seen.bought(cutoff, cutoff + OUTCOME_STEPS) == 0,
    }
}

columns!(Persons {
    person_id: Int64Builder, DataType::Int64, false;
    segment: StringBuilder, DataType::Utf8, false;
    united_by_exact_keys: BooleanBuilder, DataType::Boolean, false;
    separated_by: StringBuilder, DataType::Utf8, true;
    orders: Int64Builder, DataType::Int64, false;
    purchases_per_day: Float64Builder, DataType::Float64, true;
    had_bad_incident: BooleanBuilder, DataType::Boolean, false;
    first_incident_on: Date32Builder, DataType::Date32, true;
    left_on: Date32Builder, DataType::Date32, true;
    holdout_eligible: BooleanBuilder, DataType::Boolean, false;
    holdout_churn_probability: Float64Builder, DataType::Float64, true;
    holdout_churned: BooleanBuilder, DataType::Boolean, false;
    as_of_eligible: BooleanBuilder, DataType::Boolean, false;
    as_of_churn_probability: Float64Builder, DataType::Float64, true;
    as_of_churned: BooleanBuilder, DataType::Boolean, false;
});

columns!(Letters {
    person_id: Int64Builder, DataType::Int64, false;
    campaign_id: StringBuilder, DataType::Utf8, false;
    campaign_group: StringBuilder, DataType::Utf8, false;
    response: StringBuilder, DataType::Utf8, false;
    purchase_rate_ratio: Float64Builder, DataType::Float64, false;
    buys_if_sent: Float64Builder, DataType::Float64, false;
    buys_if_kept_back: Float64Builder, DataType::Float64, false;
    bought: BooleanBuilder, DataType::Boolean, false;
});

columns!(Organisations {
    organisation: Int64Builder, DataType::Int64, false;
    record: StringBuilder, DataType::Utf8, false;
});

columns!(Keys {
    person_id: Int64Builder, DataType::Int64, false;
    channel: StringBuilder, DataType::Utf8, false;
    key_kind: StringBuilder, DataType::Utf8, false;
    key_value: StringBuilder, DataType::Utf8, false;
});

/// A share among persons.
#[derive(Debug, Default, Clone, Copy, Serialize)]
struct Share {
    persons: u64,
    share: f64,
}

impl Share {
    fn add(&mut self, yes: bool) {
        // While persons are counted, `share` holds how many of them it is true of.
        self.persons += 1;
        self.share += f64::from(u8::from(yes));
    }

    fn divided(self) -> Self {
        Share { share: self.share / self.persons.max(1) as f64, ..self }
    }
}

/// What a letter did.
#[derive(Debug, Default, Clone, Copy)]
struct LetterEffects {
    treated: Share,
    control: Share,
    /// The sum of the planted effects of those chosen.
    effects: f64,
    responses: [u64; Response::ALL.len()],
}

#[derive(Default)]
struct Effects {
    with_incident: Share,
    without_incident: Share,
    letters: [LetterEffects; LETTERS.len()],
    probabilities: f64,
    eligible: Share,
}

pub struct Truth {
    folder: PathBuf,
    persons: Table<Persons>,
    keys: Table<Keys>,
    letters: Table<Letters>,
    organisations: Table<Organisations>,
    effects: Effects,
}

impl Truth {
    pub fn create(folder: &Path) -> Result<Self> {
        Ok(Truth {
            folder: folder.to_owned(),
            persons: Table::create(folder.join("persons.parquet"))?,
            keys: Table::create(folder.join("keys.parquet"))?,
            letters: Table::create(folder.join("letters.parquet"))?,
            organisations: Table::create(folder.join("organisations.parquet"))?,
            effects: Effects::default(),
        })
    }

    pub fn write(&mut self, story: &Story) -> Result<()> {
        let (person, life) = (story.person, story.life);
        let holdout = forecast(life, HOLDOUT_STEP);
        let as_of = forecast(life, STEPS);
        self.effects.add(life, holdout);
        self.persons.row(|c| fill_person(c, person, life, [holdout, as_of]))?;
        for (letter, chosen) in LETTERS.iter().zip(&life.letters) {
            let Some(chosen) = chosen else { continue };
            self.letters.row(|c| fill_letter(c, person, life, letter, chosen))?;
        }
        for (channel, kind, value) in &story.keys {
            self.keys.row(|c| {
                c.person_id.append_value(id(person));
                c.channel.append_value(channel);
                c.key_kind.append_value(kind);
                c.key_value.append_value(value);
            })?;
        }
        Ok(())
    }

    /// The records of one organisation.
    pub(super) fn write_organisation(&mut self, organisation: &Organisation) -> Result<()> {
        for record in &organisation.records {
            self.organisations.row(|c| {
                c.organisation.append_value(i64::try_from(organisation.number).unwrap_or(i64::MAX));
                c.record.append_value(&record.number);
            })?;
        }
        Ok(())
    }

    pub fn finish(self, rows: &mut Rows) -> Result<()> {
        let text = serde_json::to_string_pretty(&self.effects.to_json()).doing("write the effects")?;
        let path = self.folder.join("effects.json");
        fs::write(&path, text + "\n").doing(format!("write {}", path.display()))?;
        rows.insert("truth/persons".to_owned(), self.persons.finish()?);
        rows.insert("truth/keys".to_owned(), self.keys.finish()?);
        rows.insert("truth/letters".to_owned(), self.letters.finish()?);
        rows.insert("truth/organisations".to_owned(), self.organisations.finish()?);
        Ok(())
    }
}

fn id(person: &Person) -> i64 {
    i64::try_from(person.number).unwrap_or(i64::MAX)
}

fn fill_person(c: &mut Persons, person: &Person, life: &Life, [holdout, as_of]: [Forecast; 2]) {
    c.person_id.append_value(id(person));
    c.segment.append_value(person.archetype.map_or("prospect", super::archetype::Archetype::name));
    c.united_by_exact_keys.append_value(person.united_by_exact_keys());
    c.separated_by.append_option(person.separation.map(super::person::Separation::name));
    c.orders.append_value(life.orders.len() as i64);
    c.purchases_per_day
        .append_option(person.archetype.map(|_| life.rate / super::calendar::STEP_DAYS as f64));
    let incident = life.first_incident();
    c.had_bad_incident.append_value(incident.is_some());
    c.first_incident_on.append_option(incident.map(|at| days_since_1970(day(at))));
    // Who leaves after the exports has not left yet.
    let left = life.left.filter(|step| *step < STEPS && person.archetype.is_some());
    c.left_on.append_option(left.map(|step| days_since_1970(day(step_start(step)))));
    c.holdout_eligible.append_value(holdout.eligible);
    c.holdout_churn_probability.append_option(holdout.probability);
    c.holdout_churned.append_value(holdout.churned);
    c.as_of_eligible.append_value(as_of.eligible);
    c.as_of_churn_probability.append_option(as_of.probability);
    c.as_of_churned.append_value(as_of.churned);
}

fn fill_letter(c: &mut Letters, person: &Person, life: &Life, letter: &Letter, chosen: &Chosen) {
    c.person_id.append_value(id(person));
    c.campaign_id.append_value(letter.id);
    c.campaign_group.append_value(match chosen.group {
        Group::Treated => "treated",
        Group::Control => "control",
    });
    c.response.append_value(Response::of(chosen.buys_if_sent, chosen.buys_if_kept).name());
    c.purchase_rate_ratio.append_value(chosen.rate_ratio);
    c.buys_if_sent.append_value(chosen.buys_if_sent);
    c.buys_if_kept_back.append_value(chosen.buys_if_kept);
    c.bought.append_value(bought(life, letter));
}

fn bought(life: &Life, letter: &Letter) -> bool {
    let steps = working(letter);
    life.seen.bought(steps.start, steps.end) > 0
}

impl Effects {
    fn add(&mut self, life: &Life, holdout: Forecast) {
        for ((letter, chosen), effects) in LETTERS.iter().zip(&life.letters).zip(&mut self.letters) {
            let Some(chosen) = chosen else { continue };
            match chosen.group {
                Group::Treated => effects.treated.add(bought(life, letter)),
                Group::Control => effects.control.add(bought(life, letter)),
            }
            effects.effects += chosen.buys_if_sent - chosen.buys_if_kept;
            effects.responses[Response::of(chosen.buys_if_sent, chosen.buys_if_kept) as usize] += 1;
        }
        if let (true, Some(probability)) = (holdout.eligible, holdout.probability) {
            let incident = life.seen.wronged(HOLDOUT_STEP - INCIDENT_MEMORY, HOLDOUT_STEP);
            if incident { &mut self.with_incident } else { &mut self.without_incident }.add(holdout.churned);
            self.eligible.add(holdout.churned);
            self.probabilities += probability;
        }
    }

    fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "as_of": as_utc_text(step_start(STEPS)),
            "holdout_cutoff": as_utc_text(step_start(HOLDOUT_STEP)),
            "churn": {
                "meaning": "no purchase in the 90 days from the cut-off, among those who bought in the 180 days before",
                "holdout_base_rate": self.eligible.divided(),
                "holdout_mean_planted_probability": self.probabilities / self.eligible.persons.max(1) as f64,
            },
            "bad_service_incident": {
                "meaning": "a complaint by telephone with satisfaction 1 or 2, or a parcel more than two days late",
                "log_odds_of_leaving_per_10_days": INCIDENT,
                "odds_ratio": INCIDENT.exp(),
                "remembered_days": INCIDENT_MEMORY as i64 * super::calendar::STEP_DAYS,
                "churned_after_incident_in_90_days": self.with_incident.divided(),
                "churned_without": self.without_incident.divided(),
            },
            "letters": {
                "meaning": "a letter multiplies the purchase rate of who gets it while it works; see letters.parquet",
                "works_days": WORKING_STEPS as i64 * super::calendar::STEP_DAYS,
                "log_purchase_rate_ratio": {
                    "base": response::BASE,
                    "buys_at_a_discount": response::BARGAIN,
                    "per_newsletter_opened_in_90_days_up_to_4": response::OPENED,
                    "bad_service_incident_in_90_days": response::WRONGED,
                    "per_90_days_of_silence_after_the_first_30_up_to_150": response::SILENT,
                },
                "responses": {
                    "persuadable": format!("buys likelier by {} or more", response::PERSUADED),
                    "driven away": format!("buys less likely by {} or more", -response::DRIVEN_AWAY),
                    "sure thing": "neither, and buys anyway as likely as not or likelier",
                    "lost cause": "neither, and hardly buys anyway",
                },
                "campaigns": LETTERS.iter().zip(self.letters).map(|(letter, e)| e.to_json(letter)).collect::<Vec<_>>(),
            },
            "waiting": {
                "meaning": "seconds in the queue of the call centre, exponential; who buys most waits longest",
                "mean_of_the_smallest_customers": SHORTEST_MEAN,
                "mean_of_the_best_customers": SHORTEST_MEAN + LONGER_MEAN,
            },
            "loyalty_scheme": "no effect planted: members and others differ in who they are",
        })
    }
}

impl LetterEffects {
    fn to_json(self, letter: &Letter) -> serde_json::Value {
        let persons = self.treated.persons + self.control.persons;
        let responses = Response::ALL.iter().zip(self.responses);
        let share = |count: u64| count as f64 / persons.max(1) as f64;
        serde_json::json!({
            "campaign_id": letter.id,
            "works_from": as_utc_text(step_start(letter.step)),
            "control_share": letter.control,
            "treated_who_bought": self.treated.divided(),
            "control_who_bought": self.control.divided(),
            "mean_effect_on_the_probability_of_a_purchase": self.effects / persons.max(1) as f64,
            "responses": responses.map(|(r, count)| (r.name(), share(count))).collect::<BTreeMap<_, _>>(),
        })
    }
}
