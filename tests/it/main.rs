//! One test binary: what sillage promises, tried from outside.

mod architecture;
mod artifacts;
mod audience;
mod broken_shop;
mod bytes;
mod checks;
mod cli;
mod crash;
mod days;
mod deliveries;
mod drift;
mod errors;
mod faults;
mod files;
mod forget;
mod future;
#[path = "../fuzz/mod.rs"]
mod fuzz;
mod golden;
mod identity;
mod kill;
mod linkage;
mod migration;
mod night;
mod nights;
mod object_store;
mod project;
mod publishers;
mod quality;
mod quarantine;
mod random_lists;
mod retention;
mod shop;
mod small;
mod snapshot_verbs;
mod snapshots;
mod stable_ids;
mod truth;
mod unit_tests;
mod upkeep;
mod versions;
mod view;
#[path = "../../src/source/tests/zip.rs"]
mod zip;
