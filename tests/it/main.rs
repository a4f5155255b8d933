//! One test binary: what sillage promises, tried from outside.

mod architecture;
mod cli;
mod errors;
mod shop;
