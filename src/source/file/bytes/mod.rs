//! The bytes of files: fetched in windows from any store, taken out of archives, decompressed.

pub mod archive;
pub mod archive_member;
pub mod content;
pub mod fetch;
pub mod form;
pub mod packed;
pub mod window;
