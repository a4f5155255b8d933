//! One test binary: what sillage promises, tried from outside.

mod architecture;
mod audience;
mod broken_shop;
mod bytes;
mod cli;
mod drift;
mod errors;
mod future;
mod identity;
mod kill;
mod night;
mod object_store;
mod quarantine;
mod shop;
mod truth;
