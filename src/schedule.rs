//! Pipelines at their cron times: one run at a time, the as-of instant being the scheduled time.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use croner::Cron;
use tokio::sync::watch;

use crate::clock::{self, Instant};
use crate::error::{Error, Result};
use crate::pipeline::placeholder::Placeholders;
use crate::pipeline::{self, Pipeline};
use crate::run::progress::Progress;
use crate::run::{Request, execute};

/// The pipelines of a folder that have a schedule.
#[derive(Debug)]
pub struct Schedule {
    files: Vec<PathBuf>,
    warehouse: Option<String>,
}

/// What the scheduler does, for whoever listens.
#[derive(Debug)]
pub enum ScheduleEvent {
    Waiting {
        pipeline: String,
        until: Instant,
    },
    /// A run failed; the schedule goes on.
    Failed {
        error: Error,
    },
    Stopped,
}

impl Schedule {
    /// Checks every pipeline of the folder.
    ///
    /// # Errors
    /// A folder that cannot be read, pipelines that are wrong, all of them at once; no
    /// pipeline that has a schedule.
    pub fn load(dir: &Path, warehouse: Option<String>) -> Result<Self> {
        let mut files: Vec<PathBuf> = std::fs::read_dir(dir)
            .map_err(|e| Error::config(format!("the folder {} cannot be read", dir.display())).caused_by(e))?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|e| e == "toml"))
            .collect();
        files.sort();
        let schedule = Schedule { files, warehouse };
        if schedule.pipelines()?.is_empty() {
            return Err(Error::config(format!("no pipeline in {} has a schedule", dir.display()))
                .hint("add schedule = \"0 3 * * *\" to one"));
        }
        Ok(schedule)
    }

    /// Read again before each run, so that a fixed pipeline needs no restart.
    fn pipelines(&self) -> Result<Vec<Arc<Pipeline>>> {
        let mut pipelines = Vec::new();
        let mut errors = Vec::new();
        for file in &self.files {
            match pipeline::load(file, &Placeholders::default()) {
                Ok(pipeline) if pipeline.schedule.is_some() => pipelines.push(Arc::new(pipeline)),
                Ok(_) => {}
                Err(error) => errors.push(error),
            }
        }
        Error::all(errors)?;
        Ok(pipelines)
    }

    /// Returns when each pipeline runs next, soonest first.
    ///
    /// # Errors
    /// Pipelines that are wrong by now; a schedule that is no cron expression.
    pub fn next_times(&self, after: Instant) -> Result<Vec<(String, Instant)>> {
        let mut times = Vec::new();
        for pipeline in self.pipelines()? {
            if let Some(time) = next_time(&pipeline, after)? {
                times.push((pipeline.name.clone(), time));
            }
        }
        times.sort_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
        Ok(times)
    }

    /// Runs until `stop` turns true. Two pipelines due at one time run one after another; a time
    /// that passed while another ran is caught up once, as of that time.
    ///
    /// # Errors
    /// The same, and schedules without a next run. A run that fails is reported and ends nothing.
    pub async fn run(
        &self,
        request: &Request,
        progress: Arc<dyn Progress>,
        mut stop: watch::Receiver<bool>,
        report: impl Fn(ScheduleEvent),
    ) -> Result<()> {
        let mut since = clock::now();
        loop {
            let due = self.next_times(since)?;
            let Some((name, time)) = due.first().cloned() else {
                return Err(Error::config("the schedules have no next run"));
            };
            report(ScheduleEvent::Waiting { pipeline: name, until: time });
            while clock::now() < time {
                let left = (time - clock::now()).to_std().unwrap_or_default();
                tokio::select! {
                    // A laptop that slept must not sleep the rest once more: look at the clock now and then.
                    () = tokio::time::sleep(left.min(Duration::from_secs(30))) => {}
                    _ = stop.wait_for(|stop| *stop) => {
                        report(ScheduleEvent::Stopped);
                        return Ok(());
                    }
                }
            }
            let names: Vec<String> = due.iter().filter(|(_, t)| *t == time).map(|(n, _)| n.clone()).collect();
            for pipeline in self.pipelines()?.iter().filter(|p| names.contains(&p.name)) {
                let request = Request { as_of: Some(time), ..request.clone() };
                let location = self.warehouse.clone().unwrap_or_else(|| pipeline.warehouse.clone());
                let result =
                    execute::run(pipeline, &location, &request, progress.clone(), stop.clone()).await;
                if *stop.borrow() {
                    report(ScheduleEvent::Stopped);
                    return Ok(());
                }
                if let Err(error) = result {
                    report(ScheduleEvent::Failed { error });
                }
            }
            since = time;
        }
    }
}

fn next_time(pipeline: &Pipeline, after: Instant) -> Result<Option<Instant>> {
    let Some(text) = &pipeline.schedule else {
        return Ok(None);
    };
    let cron: Cron =
        text.parse().map_err(|e| Error::config(format!("`{text}` is not a cron expression")).caused_by(e))?;
    let local = after.with_timezone(&pipeline.timezone);
    Ok(cron.find_next_occurrence(&local, false).ok().map(|time| time.to_utc()))
}
