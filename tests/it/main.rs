//! One test binary: what sillage promises, tried from outside.

mod architecture;
mod bytes;
mod kill;
mod shop;
