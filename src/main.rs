//! Parse, dispatch, print error and hint, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    sillage::cli::main()
}
