//! One test binary: what sillage promises, tried from outside.

mod architecture;
mod object_store;
mod truth;
