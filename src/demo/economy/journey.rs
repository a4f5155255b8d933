//! The truth of the way of each customer: when they came and ordered, what the scheme counted, how long they waited; and
//! who recommended the shop to whom.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanBuilder, Date32Builder, Int64Builder, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema};

use super::acquisition::Way;
use super::dealings::Dealings;
use super::waiting;
use crate::demo::basket::Line;
use crate::demo::calendar::{Moment, day, days_since_1970, month};
use crate::demo::channel_records::{Call, Story, Ticket};
use crate::demo::output::{Columns, Rows, Table, columns};
use crate::error::Result;

columns!(Journeys {
    person_id: Int64Builder, DataType::Int64, false;
    acquisition_channel: StringBuilder, DataType::Utf8, true;
    is_targeted: BooleanBuilder, DataType::Boolean, true;
    came_on: Date32Builder, DataType::Date32, true;
    first_order_on: Date32Builder, DataType::Date32, true;
    // Bit 0 is the first month of the history.
    months_with_orders: Int64Builder, DataType::Int64, false;
    is_member: BooleanBuilder, DataType::Boolean, false;
    points: Int64Builder, DataType::Int64, true;
    rewards: Int64Builder, DataType::Int64, false;
    calls: Int64Builder, DataType::Int64, false;
    waited_s: Int64Builder, DataType::Int64, false;
    calls_resolved: Int64Builder, DataType::Int64, false;
    issues: Int64Builder, DataType::Int64, false;
});

columns!(Referrals {
    person_id: Int64Builder, DataType::Int64, false;
    referred_person_id: Int64Builder, DataType::Int64, false;
    referred_on: Date32Builder, DataType::Date32, false;
});

pub(in crate::demo) struct JourneyTruth {
    journeys: Table<Journeys>,
    referrals: Table<Referrals>,
}

impl JourneyTruth {
    pub(in crate::demo) fn create(folder: &Path) -> Result<Self> {
        Ok(JourneyTruth {
            journeys: Table::create(folder.join("journeys.parquet"))?,
            referrals: Table::create(folder.join("referrals.parquet"))?,
        })
    }

    /// Writes a person's way, before their records are exported.
    pub(in crate::demo) fn write(&mut self, story: &Story, dealings: &Dealings) -> Result<()> {
        let origin = dealings.origin.as_ref();
        self.journeys.row(|c| fill(c, story, dealings))?;
        let Some((origin, friend)) = origin.and_then(|origin| Some((origin, origin.friend?))) else {
            return Ok(());
        };
        self.referrals.row(|c| {
            c.person_id.append_value(friend as i64);
            c.referred_person_id.append_value(story.person.number as i64);
            c.referred_on.append_value(days_since_1970(day(origin.at)));
        })
    }

    pub(in crate::demo) fn finish(self, rows: &mut Rows) -> Result<()> {
        rows.insert("truth/journeys".to_owned(), self.journeys.finish()?);
        rows.insert("truth/referrals".to_owned(), self.referrals.finish()?);
        Ok(())
    }
}

fn fill(c: &mut Journeys, story: &Story, dealings: &Dealings) {
    let origin = dealings.origin.as_ref();
    let orders = || story.tickets.iter().filter(|ticket| !ticket.is_return);
    let months = orders().fold(0_i64, |set, order| set | 1 << month(order.at));
    let spent: i64 = orders().flat_map(|order: &Ticket| &order.lines).map(Line::net).sum();
    let calls = || story.calls.iter().chain(&dealings.calls);
    let is_member = story.person.card.is_some();
    let date = |at: Moment| days_since_1970(day(at));
    c.person_id.append_value(story.person.number as i64);
    c.acquisition_channel.append_option(origin.map(|origin| origin.way.name()));
    c.is_targeted.append_option(origin.filter(|origin| origin.at >= 0).and_then(|origin| match origin.way {
        Way::Targeted => Some(true),
        Way::Blind => Some(false),
        _ => None,
    }));
    c.came_on.append_option(origin.map(|origin| date(origin.at)));
    c.first_order_on.append_option(orders().map(|order| date(order.at)).min());
    c.months_with_orders.append_value(months);
    c.is_member.append_value(is_member);
    c.points.append_option(is_member.then_some(spent / 100));
    c.rewards.append_value(dealings.rewards.len() as i64);
    c.calls.append_value(calls().count() as i64);
    c.waited_s.append_value(calls().map(|call: &Call| call.waited).sum());
    c.calls_resolved.append_value(calls().filter(|call| call.resolved).count() as i64);
    c.issues.append_value(waiting::issues(calls()));
}
