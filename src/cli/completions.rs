//! `completions`: what a shell completes after `sillage`.

use clap::{Args, Command};
use clap_complete::{Shell, generate};

#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Writes the script for the command line that `command` describes.
pub fn completions(args: &CompletionsArgs, mut command: Command) {
    let mut script = Vec::new();
    generate(args.shell, &mut command, "sillage", &mut script);
    say!("{}", String::from_utf8_lossy(&script).trim_end());
}
