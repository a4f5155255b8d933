//! One test binary: what sillage promises, tried from outside.

mod architecture;
mod artifacts;
mod audience;
mod broken_shop;
mod bytes;
mod checks;
mod cli;
mod errors;
mod future;
#[path = "../fuzz/mod.rs"]
mod fuzz;
mod identity;
mod kill;
mod night;
mod object_store;
mod shop;
mod truth;
mod unit_tests;
