//! sillage: a customer warehouse in one binary.

pub mod clock;
pub mod config;
pub mod dag;
pub mod error;
pub mod mining;
pub mod name;
pub mod storage;
