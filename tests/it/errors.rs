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

use crate::broken_shop::{PRIVATE, Said, Shop, files_below};

const SNAPSHOTS: &str = "tests/errors/snapshots";

impl Shop {
    /// The command fails with this exit code, says what the snapshot says, and readers still have
    /// what they had.
    #[track_caller]
    fn fails(&self, name: &str, code: i32, args: &[&str]) -> Said {
        let before = self.visible();
        let said = self.sillage(args);
        said.decent();
        said.shown(name, SNAPSHOTS);
        assert_eq!(said.code, Some(code), "{}", said.err);
        assert_eq!(self.visible(), before, "readers noticed");
        self.tells_nobody();
        said
    }

    /// `run` fails so.
    #[track_caller]
    fn run_fails(&self, name: &str, code: i32) -> Said {
        self.fails(name, code, &["run", "--threads", "1"])
    }

    /// `run` ends well, with what the snapshot says, and publishes.
    #[track_caller]
    fn run_publishes(&self, name: &str) -> Said {
        let before = self.visible();
        let said = self.run(&[]);
        said.decent();
        said.shown(name, SNAPSHOTS);
        assert_eq!(said.code, Some(0), "{}", said.err);
        assert_ne!(self.visible(), before, "nothing was published");
        self.tells_nobody();
        said
    }

    /// After the cause is mended, the next run publishes.
    #[track_caller]
    fn mended(&self) {
        let before = self.visible();
        let said = self.run(&[]);
        said.decent();
        assert_eq!(said.code, Some(0), "{}", said.err);
        assert_ne!(self.visible(), before);
    }

    /// No personal value in the warehouse's own records; only the quarantine keeps refused rows.
    #[track_caller]
    fn tells_nobody(&self) {
        for file in files_below(&self.path("warehouse/_sillage")) {
            let text = String::from_utf8_lossy(&std::fs::read(&file).unwrap_or_default()).into_owned();
            if file.extension().is_some_and(|e| e == "json") && !text.contains("\"adds\"") {
                for private in PRIVATE {
                    assert!(!text.contains(private), "{}: {text}", file.display());
                }
            }
        }
        for sql in ["select step, note from ops.steps", "select reason from ops.quarantine"] {
            let said = self.sillage(&["query", sql, "--format", "csv"]);
            for private in PRIVATE {
                assert!(!said.out.contains(private), "{sql}: {}", said.out);
            }
        }
    }
}
