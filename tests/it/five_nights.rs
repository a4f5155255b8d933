//! A warehouse of five nights, each with one delivery, and the deliveries of the sixth, on which commands are
//! tested.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::shop::{AS_OF, CommandResult, NIGHTS, Shop, copy_folder};

const KEY: &str = "0123456789abcdef0123456789abcdef";
/// Cards of somebody who is known, one of them with a day that is not read as it is declared.
const REFUSED: &str = "card,email,first_name,created_on\nK0005c,person5@example.org,Name5,2025-02-01\n\
    K0005d,person5@example.org,Name5,2025/02/02\n";

/// A verb and its arguments.
pub type Words = &'static [&'static str];

pub struct FiveNights {
    pub shop: Shop,
    pub warehouse: PathBuf,
}

impl FiveNights {
    pub fn new() -> FiveNights {
        let shop = Shop::new();
        shop.edit("/cards/*.csv\"", "/cards/*.csv\"\ntolerance = 0.5");
        shop.put("cards", "refused.csv", REFUSED);
        let warehouse = shop.warehouse("base");
        for (night, as_of) in AS_OF.iter().enumerate().take(NIGHTS - 1) {
            shop.deliver(night..night + 1);
            shop.run(&warehouse, &["--as-of", as_of]).published();
        }
        shop.deliver(NIGHTS - 1..NIGHTS);
        FiveNights { shop, warehouse }
    }

    /// The verb over a warehouse, in the shop's folder, not yet started.
    pub fn verb(&self, words: Words, warehouse: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sillage"));
        command.args(words).arg("--warehouse").arg(warehouse).current_dir(self.shop.path());
        command.env("SILLAGE_SUPPRESSION_KEY", KEY).env("SHOP_EXPORTS", self.shop.exports());
        command.env_remove("RUST_BACKTRACE");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// A copy of a warehouse to try something on, and no copy of an earlier trial.
    pub fn fresh(&self, warehouse: &Path) -> PathBuf {
        let trial = self.shop.warehouse("trial");
        for place in [&trial, &self.shop.warehouse("copy")] {
            let _ = fs::remove_dir_all(place);
        }
        copy_folder(warehouse, &trial);
        trial
    }
}

/// Waits for the end of a process, which must come in time.
pub fn ends_within(mut child: Child, most: Duration, trial: &str) -> CommandResult {
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() >= most {
            child.kill().unwrap();
            let output = CommandResult::of(child.wait_with_output().unwrap());
            panic!("{trial}: it does not end: {}{}", output.stdout, output.stderr);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    CommandResult::of(child.wait_with_output().unwrap())
}
