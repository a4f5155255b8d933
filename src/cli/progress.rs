//! How a run is shown: bars on a terminal, plain lines elsewhere, JSON lines for machines.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::ValueEnum;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::json;

use super::colour::{Tone, toned};
use crate::check::listed;
use crate::clock::{self, show_instant};
use crate::name::StepName;
use crate::ops::steps::StepStatus;
use crate::run::progress::{Event, Progress};
use crate::sql_text::one_line;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

/// The watcher for this format and this terminal.
pub fn shown(format: LogFormat) -> Arc<dyn Progress> {
    match format {
        LogFormat::Json => Arc::new(JsonLines),
        LogFormat::Text if std::io::stderr().is_terminal() => Arc::new(Bars::default()),
        LogFormat::Text => Arc::new(Lines::default()),
    }
}

#[derive(Default)]
struct Lines {
    count: Mutex<Count>,
}

impl Progress for Lines {
    fn tell(&self, event: Event) {
        let mut count = self.count.lock().expect("no holder of this lock panics");
        if let Some(line) = count.line(&event) {
            log(&line);
        }
    }
}

/// Progress goes to stderr, so that stdout stays free for results; a closed stderr stops nothing.
fn log(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// One bar a running step; finished steps stay as lines above.
#[derive(Default)]
struct Bars {
    all: MultiProgress,
    running: Mutex<(Count, BTreeMap<StepName, ProgressBar>)>,
}

impl Progress for Bars {
    fn tell(&self, event: Event) {
        let mut running = self.running.lock().expect("no holder of this lock panics");
        let (count, running) = &mut *running;
        match &event {
            Event::StepBegins { step, kind } => {
                let bar = self.all.add(ProgressBar::new_spinner());
                bar.set_style(
                    ProgressStyle::with_template("  {spinner} {msg} {elapsed}")
                        .unwrap_or_else(|_| ProgressStyle::default_spinner()),
                );
                bar.set_message(format!("{kind:13} {step}"));
                bar.enable_steady_tick(Duration::from_millis(120));
                running.insert(step.clone(), bar);
            }
            Event::StepEnds { step, .. } => {
                if let Some(bar) = running.remove(step) {
                    bar.finish_and_clear();
                }
            }
            _ => {}
        }
        if let Some(line) = count.line(&event) {
            let _ = self.all.println(line);
        }
    }
}

/// How many steps have ended, of how many, and in which run.
#[derive(Default)]
struct Count {
    run: u64,
    steps: usize,
    ended: usize,
}

impl Count {
    /// The event as people read it.
    fn line(&mut self, event: &Event) -> Option<String> {
        match event {
            Event::RunBegins { run, steps, .. } => {
                *self = Count { run: *run, steps: *steps, ended: 0 };
            }
            Event::StepEnds { .. } => self.ended += 1,
            _ => {}
        }
        let width = self.steps.to_string().len();
        let count = format!("{:>width$} of {}", self.ended, self.steps);
        Some(match event {
            Event::StepBegins { .. } => return None,
            Event::StepEnds { step, kind, status, rows, wall, note } => {
                let what = format!("{kind:13} {step:34}");
                let ended = match status {
                    StepStatus::Done => format!("{:>12} rows {:>8.2} s", grouped(*rows), wall.as_secs_f64()),
                    StepStatus::Reused => format!("{:>12} rows   (done before)", grouped(*rows)),
                    StepStatus::Failed => toned(Tone::Wrong, "FAILED"),
                    StepStatus::Skipped => {
                        toned(Tone::Quiet, &format!("skipped: {}", note.as_deref().unwrap_or_default()))
                    }
                };
                format!("  {} {what} {ended}", toned(Tone::Quiet, &count))
            }
            Event::Warning { step, message } => {
                let text = self.in_one_line(step, message);
                format!("  {:1$} {2} {step}: {text}", "", count.len(), toned(Tone::Careful, "warning  "))
            }
            Event::Note { step, message } => {
                let text = self.in_one_line(step, message);
                format!("  {:1$} note      {step}: {text}", "", count.len())
            }
            other => return Some(line(other)),
        })
    }

    /// The message in one line, with how to see what it leaves out.
    fn in_one_line(&self, step: &StepName, message: &str) -> String {
        let (short, is_whole) = shortened(message);
        match step.as_str().strip_prefix("raw.") {
            Some(source) if message.contains("ops.quarantine") => {
                format!("{short}; see `sillage quarantine show --source {source}`")
            }
            _ if is_whole => short,
            _ => format!("{short}; see `sillage history {} --format json`", self.run),
        }
    }
}

/// Characters of a message before it is cut.
const LONGEST_MESSAGE: usize = 140;

/// The message in one line, cut between words where it is long; whether it is all of it.
fn shortened(message: &str) -> (String, bool) {
    let whole = one_line(message);
    if whole.chars().count() <= LONGEST_MESSAGE {
        return (whole, true);
    }
    let cut: String = whole.chars().take(LONGEST_MESSAGE).collect();
    let short = cut.rsplit_once(' ').map_or(cut.as_str(), |(short, _)| short);
    (format!("{} …", short.trim_end_matches([',', ':', ';'])), false)
}

/// An event of the whole run as people read it.
fn line(event: &Event) -> String {
    match event {
        Event::RunBegins { run, pipeline, as_of, steps } => {
            format!("run {run} of {pipeline} as of {}: {steps} steps", show_instant(*as_of))
        }
        Event::RolledForward { release } => {
            format!("release {release} was cut off while it was published; published now")
        }
        Event::Resumed { run, failed: false, finished } => {
            format!("run {run} was cut off; going on after its {finished} finished steps")
        }
        Event::Resumed { run, failed: true, finished } => {
            format!("run {run} failed; {finished} of its steps need not be done again")
        }
        Event::Discarded { run, because } => format!("run {run} was cut off and is dropped: {because}"),
        Event::ChecksRun { passed, warned, failed } => {
            format!("  checks: {passed} passed, {warned} warned, {failed} failed")
        }
        Event::CheckBroken { table, check, failures, stops, rows } => {
            let word = match stops {
                true => toned(Tone::Wrong, "BROKEN "),
                false => toned(Tone::Careful, "warning  "),
            };
            format!("  {word} check {check} of {table}: {}", counted_rows(*failures, rows))
        }
        Event::Published { release, tables, warehouse, wall } => {
            let text = format!("release {release} published");
            let (text, seconds) = (toned(Tone::Good, &text), wall.as_secs_f64());
            format!("{text} in {warehouse}: {tables} tables in {seconds:.1} s")
        }
        // `Count` shows these.
        Event::StepBegins { .. } | Event::StepEnds { .. } | Event::Warning { .. } | Event::Note { .. } => {
            String::new()
        }
    }
}

/// How many rows break a check, and some of them by their keys.
pub fn counted_rows(failures: u64, rows: &[String]) -> String {
    let plural = if failures == 1 { "row" } else { "rows" };
    let named = if rows.is_empty() { String::new() } else { format!(" ({})", listed(rows)) };
    format!("{} {plural}{named}", grouped(failures))
}

/// 1234567 as 1,234,567.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

struct JsonLines;

impl Progress for JsonLines {
    fn tell(&self, event: Event) {
        let value = match &event {
            Event::RunBegins { run, pipeline, as_of, steps } => {
                json!({"event": "run_begins", "run": run, "pipeline": pipeline, "as_of": show_instant(*as_of), "steps": steps})
            }
            Event::RolledForward { release } => json!({"event": "rolled_forward", "release": release}),
            Event::Resumed { run, failed, finished } => {
                json!({"event": "resumed", "run": run, "failed": failed, "finished_steps": finished})
            }
            Event::Discarded { run, because } => {
                json!({"event": "discarded", "run": run, "because": because})
            }
            Event::StepBegins { step, kind } => {
                json!({"event": "step_begins", "step": step.as_str(), "kind": kind})
            }
            Event::StepEnds { step, kind, status, rows, wall, note } => json!({
                "event": "step_ends", "step": step.as_str(), "kind": kind, "status": status.as_str(),
                "rows": rows, "wall_ms": u64::try_from(wall.as_millis()).unwrap_or(u64::MAX), "note": note,
            }),
            Event::Warning { step, message } => {
                json!({"event": "warning", "step": step.as_str(), "message": message})
            }
            Event::Note { step, message } => {
                json!({"event": "note", "step": step.as_str(), "message": message})
            }
            Event::ChecksRun { passed, warned, failed } => {
                json!({"event": "checks_run", "passed": passed, "warned": warned, "failed": failed})
            }
            Event::CheckBroken { table, check, failures, stops, rows } => {
                json!({"event": "check_broken", "table": table, "check": check, "failures": failures, "stops": stops, "rows": rows})
            }
            Event::Published { release, tables, warehouse, wall } => {
                json!({"event": "published", "release": release, "tables": tables, "warehouse": warehouse, "wall_ms": u64::try_from(wall.as_millis()).unwrap_or(u64::MAX)})
            }
        };
        let mut value = value;
        value["at"] = json!(show_instant(clock::now()));
        log(&value.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn big_numbers_are_grouped() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
