//! sillage: a customer warehouse in one binary.
//!
//! # Code map
//!
//! Modules are layers; arrows go down only, and `tests/it/architecture.rs` holds them:
//!
//! ```text
//! cli                     one command group a file; the only code that prints
//! demo                    the sample retailer, for `sillage demo`
//! manual                  the chapters of the manual, for `sillage manual`
//! schedule                pipelines at their cron times
//! unit_test               models tried on given rows
//! run                     observe → plan (pure) → execute → publish
//! pipeline                TOML → checked pipeline, graph, selector
//! ingest model identity   the domain, each kind of step in its own: siblings never import each other,
//! mining audience check   they meet in tables
//! metric report
//! erasure                 whose rows are a forgotten person's
//! step                    what every kind of step says of itself, and what it works in
//! ops                     the history as tables, one file per table
//! source                  connectors, declared types, quarantine
//! warehouse               Delta tables, staging, releases, lock, journal, catalog, shelf
//! clock config dag day duration error exported_file holiday name normal_form placeholder_value secret span sql_text
//! sql_type suggestion
//! storage
//! ```
//!
//! # What is absent
//!
//! - No code but `warehouse` names deltalake or builds a SQL session; none but `mining` names linfa.
//! - No code but `clock` asks what time it is.
//! - No row value in an error, a log or a journal.
//! - Nothing a reader can see changes before a run's intent to publish is written down.

#![warn(clippy::missing_errors_doc)]

pub mod audience;
pub mod check;
pub mod cli;
pub mod clock;
pub mod config;
pub mod dag;
pub mod day;
pub mod demo;
pub mod duration;
pub mod erasure;
pub mod error;
pub mod exported_file;
pub mod holiday;
pub mod identity;
pub mod ingest;
pub mod manual;
pub mod metric;
pub mod mining;
pub mod model;
pub mod name;
pub mod normal_form;
pub mod ops;
pub mod pipeline;
pub mod placeholder_value;
pub mod report;
pub mod run;
pub mod schedule;
pub mod secret;
pub mod source;
pub mod span;
pub mod sql_text;
pub mod sql_type;
pub mod step;
pub mod storage;
pub mod suggestion;
pub mod unit_test;
pub mod warehouse;
