//! The mailing tool's events: Parquet, one file a quarter, keyed by address.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringBuilder, TimestampMicrosecondBuilder};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};

use crate::demo::calendar::{DAY, MONTHS, Moment, micros, month, month_label};
use crate::demo::campaign::newsletter_id;
use crate::demo::channel_records::Story;
use crate::demo::output::{Columns, Rows, Table};
use crate::demo::person::is_exported;
use crate::error::Result;

#[derive(Default)]
struct Events {
    email: StringBuilder,
    campaign: StringBuilder,
    event: StringBuilder,
    occurred_at: TimestampMicrosecondBuilder,
}

impl Columns for Events {
    fn schema() -> Schema {
        Schema::new(vec![
            Field::new("email", DataType::Utf8, false),
            Field::new("campaign_id", DataType::Utf8, false),
            Field::new("event", DataType::Utf8, false),
            Field::new("occurred_at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false),
        ])
    }

    fn arrays(&mut self) -> Vec<ArrayRef> {
        vec![
            Arc::new(self.email.finish()),
            Arc::new(self.campaign.finish()),
            Arc::new(self.event.finish()),
            Arc::new(self.occurred_at.finish().with_timezone("UTC")),
        ]
    }
}

pub struct Mailer {
    quarters: Vec<Table<Events>>,
}

impl Mailer {
    pub fn create(folder: &Path) -> Result<Self> {
        let quarters = (0..MONTHS).step_by(3).map(|m| {
            Table::create(folder.join(format!("email_events/events_from_{}.parquet", month_label(m))))
        });
        Ok(Mailer { quarters: quarters.collect::<Result<_>>()? })
    }

    pub fn write(&mut self, story: &mut Story) -> Result<()> {
        let Some(address) = story.person.newsletter_address() else { return Ok(()) };
        if !story.life.newsletters.is_empty() {
            story.key("email", "email", address);
        }
        for letter in &story.life.newsletters {
            let campaign = newsletter_id(letter.campaign);
            let mut note = |event, at| self.event(address, &campaign, event, at);
            note("sent", letter.sent)?;
            if story.person.bounces {
                note("bounced", letter.sent + 60)?;
            }
            if let Some(at) = letter.opened {
                note("opened", at)?;
                if letter.clicked {
                    note("clicked", at + 45)?;
                }
            }
            if letter.unsubscribed {
                note("unsubscribed", unsubscribed_at(letter.sent))?;
            }
        }
        Ok(())
    }

    fn event(&mut self, email: &str, campaign: &str, event: &str, at: Moment) -> Result<()> {
        if !is_exported(at) {
            return Ok(());
        }
        self.quarters[month(at) / 3].row(|columns| {
            columns.email.append_value(email);
            columns.campaign.append_value(campaign);
            columns.event.append_value(event);
            columns.occurred_at.append_value(micros(at));
        })
    }

    pub fn finish(self, rows: &mut Rows) -> Result<()> {
        let mut sum = 0;
        for quarter in self.quarters {
            sum += quarter.finish()?;
        }
        rows.insert("email_events".to_owned(), sum);
        Ok(())
    }
}

/// Returns who unsubscribes does it on the sixth day.
pub(super) fn unsubscribed_at(sent: Moment) -> Moment {
    sent + 6 * DAY
}
