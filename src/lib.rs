//! sillage: a customer warehouse in one binary.

pub mod clock;
pub mod config;
pub mod dag;
pub mod demo;
pub mod error;
pub mod name;
pub mod storage;
