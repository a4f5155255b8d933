//! The call centre's contacts: one CSV a year with a comment line above.

use std::path::Path;

use super::broken_rows::is_broken;
use super::sheets::finish_sheets;
use crate::demo::calendar::paris;
use crate::demo::channel_records::{Call, Story};
use crate::demo::output::{Rows, Sheet};
use crate::error::Result;

const FIRST_YEAR: &str = "2024";
const YEARS: [&str; 3] = [FIRST_YEAR, "2025", "2026"];

pub struct CallCentre {
    years: Vec<Sheet>,
}

impl CallCentre {
    pub fn create(folder: &Path) -> Result<Self> {
        let years = YEARS.iter().map(|year| {
            let mut sheet = Sheet::utf8(folder.join(format!("calls/calls_{year}.csv")))?;
            sheet.line("# contacts of the call centre, times in Europe/Paris")?;
            sheet.line(
                "call_id,started_at,reason,waited_s,duration_s,resolved,satisfaction,card,email,phone,caller",
            )?;
            Ok(sheet)
        });
        Ok(CallCentre { years: years.collect::<Result<_>>()? })
    }

    pub fn write(&mut self, story: &mut Story) -> Result<()> {
        for call in std::mem::take(&mut story.calls) {
            let (local, _) = paris(call.at);
            let time = local.format("%Y-%m-%d %H:%M:%S").to_string();
            let year = YEARS.iter().position(|year| time.starts_with(year)).unwrap_or(YEARS.len() - 1);
            let caller = format!("{} {}", story.web_name.0, story.web_last(call.at));
            self.years[year].row(&row(&call, &time, &call.seconds.to_string(), &caller))?;
            if is_broken(&mut story.rng) {
                self.years[year].row(&row(&call, &time, "n/a", &caller))?;
            }
            for (kind, value) in [("card", call.card), ("email", call.email), ("phone", call.phone)] {
                if let Some(value) = value {
                    story.key("calls", kind, &value);
                }
            }
        }
        Ok(())
    }

    /// Calls beside those of the story, by people whom the call centre knows so well that it writes no name.
    pub(super) fn write_others(&mut self, story: &mut Story, calls: &[Call]) -> Result<()> {
        for call in calls {
            let time = paris(call.at).0.format("%Y-%m-%d %H:%M:%S").to_string();
            let year = YEARS.iter().position(|year| time.starts_with(year)).unwrap_or(YEARS.len() - 1);
            self.years[year].row(&row(call, &time, &call.seconds.to_string(), ""))?;
            story.key("calls", "call", &call.number);
            for (kind, value) in [("card", &call.card), ("email", &call.email)] {
                if let Some(value) = value {
                    story.key("calls", kind, value);
                }
            }
        }
        Ok(())
    }

    pub fn finish(self, rows: &mut Rows) -> Result<()> {
        finish_sheets("calls", self.years, rows)
    }
}

fn row(call: &Call, time: &str, seconds: &str, caller: &str) -> String {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    format!(
        "{},{time},{},{},{seconds},{},{},{},{},{},{caller}",
        call.number,
        call.reason,
        call.waited,
        if call.resolved { "oui" } else { "non" },
        call.satisfaction.map_or(String::new(), |s| s.to_string()),
        text(&call.card),
        text(&call.email),
        text(&call.phone),
    )
}
