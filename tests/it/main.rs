//! One test binary: what sillage promises, tried from outside.

mod architecture;
mod audience;
mod broken_shop;
mod bytes;
mod cli;
mod crash;
mod errors;
mod faults;
mod future;
mod identity;
mod kill;
mod night;
mod nights;
mod object_store;
mod publishers;
mod shop;
mod truth;
mod upkeep;
