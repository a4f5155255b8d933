//! What is written to a reader who wants no more of it: `sillage query … | head`.

use std::error::Error as StdError;
use std::ops::ControlFlow;

use crate::error::{Context, Result};

/// `sillage query … | head` closes the pipe early: that is how it is used, no failure.
pub fn tolerate_closed(result: std::io::Result<()>) -> Result<()> {
    match result {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(e).doing("write to the screen"),
        _ => Ok(()),
    }
}

/// Returns whether to go on: not where the reader wants no more.
pub fn unless_closed<E: StdError + Send + Sync + 'static>(result: Result<(), E>) -> Result<ControlFlow<()>> {
    match result {
        Ok(()) => Ok(ControlFlow::Continue(())),
        Err(error) if error.to_string().contains("Broken pipe") => Ok(ControlFlow::Break(())),
        Err(error) => Err(error).doing("write the rows"),
    }
}
