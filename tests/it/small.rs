//! A project of one source in a folder, run within the test: night after night takes milliseconds.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use sillage::clock::{Instant, parse_instant};
use sillage::error::Result;
use sillage::model::sql::tables_read;
use sillage::ops::quarantine;
use sillage::pipeline::placeholder::Placeholders;
use sillage::pipeline::{self, Pipeline};
use sillage::run::progress::{Event, Progress};
use sillage::run::{Request, execute};
use sillage::warehouse::Warehouse;
use sillage::warehouse::catalog::Catalog;
use sillage::warehouse::engine::Engine;
use sillage::warehouse::lock::Wait;
use sillage::warehouse::release::Release;

/// The project; gone at the end of the test.
pub struct Small {
    folder: tempfile::TempDir,
    declared: String,
    runtime: tokio::runtime::Runtime,
}

/// What a night said beside its figures.
#[derive(Default)]
struct CommandOutput(Mutex<Vec<String>>);

impl Progress for CommandOutput {
    fn tell(&self, event: Event) {
        if let Event::Warning { message, .. } | Event::Note { message, .. } = event {
            self.0.lock().unwrap().push(message);
        }
    }
}

impl Small {
    /// A project whose source `list` reads the files of `in/` as this says.
    pub fn new(source: &str) -> Small {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("in")).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Small { folder, declared: source.to_owned(), runtime }
    }

    /// Declares the source otherwise.
    pub fn declare(&mut self, source: &str) {
        self.declared = source.to_owned();
    }

    pub fn warehouse(&self) -> String {
        self.folder.path().join("warehouse").display().to_string()
    }

    pub fn put(&self, name: &str, text: &(impl AsRef<[u8]> + ?Sized)) {
        let path = self.folder.path().join("in").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn rename(&self, old: &str, new: &str) {
        let file = |name: &str| self.folder.path().join("in").join(name);
        fs::create_dir_all(file(new).parent().unwrap()).unwrap();
        fs::rename(file(old), file(new)).unwrap();
    }

    pub fn modified(&self, name: &str) -> SystemTime {
        fs::metadata(self.folder.path().join("in").join(name)).unwrap().modified().unwrap()
    }

    pub fn set_modified(&self, name: &str, at: SystemTime) {
        let file = fs::File::options().write(true).open(self.folder.path().join("in").join(name)).unwrap();
        file.set_modified(at).unwrap();
    }

    pub fn remove(&self, name: &str) {
        fs::remove_file(self.folder.path().join("in").join(name)).unwrap();
    }

    pub fn pipeline(&self) -> Arc<Pipeline> {
        let text = format!(
            "name = \"small\"\ntimezone = \"Europe/Paris\"\n[sources.list]\npath = \"{}/in/**/*.csv\"\nformat = \"csv\"\n\
             timezone = \"Europe/Paris\"\n{}",
            self.folder.path().display(),
            self.declared
        );
        let pipeline = pipeline::of_text("small.toml", &text, &Placeholders::default(), Default::default());
        Arc::new(pipeline.unwrap_or_else(|error| panic!("{error}")))
    }

    /// Runs as of the instant; what was said.
    pub fn try_run(&self, request: Request) -> Result<(Release, Vec<String>)> {
        let output = Arc::new(CommandOutput::default());
        let (_, stop) = tokio::sync::watch::channel(false);
        let (pipeline, warehouse) = (self.pipeline(), self.warehouse());
        let run = execute::run(&pipeline, &warehouse, &request, output.clone(), stop);
        let release = self.runtime.block_on(run)?;
        let output = std::mem::take(&mut *output.0.lock().unwrap());
        Ok((release, output))
    }

    #[track_caller]
    pub fn night(&self, as_of: &str) -> Vec<String> {
        self.try_run(request(as_of)).unwrap_or_else(|error| panic!("{error}")).1
    }

    /// The night as it fails: the error as people read it.
    #[track_caller]
    pub fn fails(&self, as_of: &str) -> String {
        match self.try_run(request(as_of)) {
            Ok((_, output)) => panic!("it went well: {output:?}"),
            Err(error) => error.to_string(),
        }
    }

    /// The rows of a query as the pipeline's models see them as of the instant, cells joined by spaces.
    #[track_caller]
    pub fn seen(&self, sql: &str, as_of: &str) -> Vec<String> {
        self.rows(sql, Some(instant(as_of)))
    }

    /// The refused records that wait, each with its file and line.
    pub fn waiting(&self) -> Vec<String> {
        self.stored(&quarantine::query(
            "select file || ':' || line from record_status where status = 'open' order by 1",
        ))
    }

    /// The rows of a query over everything that the tables hold.
    #[track_caller]
    pub fn stored(&self, sql: &str) -> Vec<String> {
        self.rows(sql, None)
    }

    #[track_caller]
    fn rows(&self, sql: &str, as_of: Option<Instant>) -> Vec<String> {
        self.runtime.block_on(async {
            let warehouse = Warehouse::open(&self.warehouse()).await.unwrap();
            let release = warehouse.last_release().await.unwrap();
            let engine = Engine::new(Request::all().limits, &warehouse).unwrap();
            let visibility = as_of.map(|_| self.pipeline().visibility()).unwrap_or_default();
            let catalog = Catalog::new(warehouse, engine, release.as_ref(), visibility);
            let session = catalog.session(&tables_read(sql).unwrap(), as_of).await.unwrap();
            let batches = session.sql(sql).await.unwrap().collect().await.unwrap();
            let options = arrow::util::display::FormatOptions::default();
            let mut rows = Vec::new();
            for batch in &batches {
                let columns: Vec<_> = batch
                    .columns()
                    .iter()
                    .map(|column| arrow::util::display::ArrayFormatter::try_new(column, &options).unwrap())
                    .collect();
                rows.extend((0..batch.num_rows()).map(|row| {
                    columns.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>().join(" ")
                }));
            }
            rows
        })
    }
}

pub fn instant(text: &str) -> Instant {
    parse_instant(text, chrono_tz::Europe::Paris).unwrap()
}

pub fn request(as_of: &str) -> Request {
    Request { as_of: Some(instant(as_of)), future: true, wait: Wait::No, ..Request::all() }
}
