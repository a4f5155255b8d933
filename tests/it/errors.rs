//! Errors are product: every message as the user reads it, and nothing published, nothing lost.
//!
//! Each test breaks the shop of `tests/errors/shop` in one way, runs the real binary, compares what
//! it says with `tests/errors/snapshots`, and looks that readers notice nothing of the failure.

mod checks;
mod commands;
mod config;
mod drift;
mod mining;
mod models;
mod sources;
mod warehouse;

use crate::broken_shop::{CommandOutput, PRIVATE, Shop, files_below};

const SNAPSHOTS: &str = "tests/errors/snapshots";

impl Shop {
    /// The command fails with this exit code, says what the snapshot says, and readers still have
    /// what they had.
    #[track_caller]
    fn fails(&self, name: &str, code: i32, args: &[&str]) -> CommandOutput {
        let before = self.visible();
        let output = self.sillage(args);
        output.is_clean();
        output.shown(name, SNAPSHOTS);
        assert_eq!(output.code, Some(code), "{}", output.err);
        assert_eq!(self.visible(), before, "readers noticed");
        self.stores_no_personal_data();
        output
    }

    /// `run` fails so.
    #[track_caller]
    fn run_fails(&self, name: &str, code: i32) -> CommandOutput {
        self.fails(name, code, &["run", "--threads", "1"])
    }

    /// `run` ends well, with what the snapshot says, and publishes.
    #[track_caller]
    fn run_publishes(&self, name: &str) -> CommandOutput {
        let before = self.visible();
        let output = self.run(&[]);
        output.is_clean();
        output.shown(name, SNAPSHOTS);
        assert_eq!(output.code, Some(0), "{}", output.err);
        assert_ne!(self.visible(), before, "nothing was published");
        self.stores_no_personal_data();
        output
    }

    /// After the cause is fixed, the next run publishes.
    #[track_caller]
    fn works_again(&self) {
        let before = self.visible();
        let output = self.run(&[]);
        output.is_clean();
        assert_eq!(output.code, Some(0), "{}", output.err);
        assert_ne!(self.visible(), before);
    }

    /// No personal value in the warehouse's own records; only the quarantine keeps refused rows.
    #[track_caller]
    fn stores_no_personal_data(&self) {
        for file in files_below(&self.path("warehouse/_sillage")) {
            let text = String::from_utf8_lossy(&std::fs::read(&file).unwrap_or_default()).into_owned();
            if file.extension().is_some_and(|e| e == "json") && !text.contains("\"adds\"") {
                for private in PRIVATE {
                    assert!(!text.contains(private), "{}: {text}", file.display());
                }
            }
        }
        for sql in ["select step, note from ops.steps", "select reason from ops.quarantine"] {
            let output = self.sillage(&["query", sql, "--format", "csv"]);
            for private in PRIVATE {
                assert!(!output.out.contains(private), "{sql}: {}", output.out);
            }
        }
    }
}
