//! What must stay hidden: the rows of a warehouse from other users of the machine, and records, values of the
//! environment and passwords from messages.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::forget::{files_below, text_of};
use crate::shop::{CommandResult, Shop, query};

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

/// Every folder and file, links aside.
fn everything(place: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(place).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            found.extend(everything(&entry.path()));
        }
        if !kind.is_symlink() {
            found.push(entry.path());
        }
    }
    found
}

/// A night under this umask, and with these variables.
fn night(shop: &Shop, warehouse: &Path, umask: &str, variables: &[(&str, &str)]) -> CommandResult {
    let plain = shop.night(warehouse, &[]);
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(format!("umask {umask}; exec \"$0\" \"$@\""))
        .arg(plain.get_program())
        .args(plain.get_args());
    command.env("SHOP_EXPORTS", shop.exports()).envs(variables.iter().copied());
    CommandResult::of(command.stdin(Stdio::null()).output().unwrap())
}

#[test]
fn rows_are_their_owners_alone_and_marts_whose_the_umask_lets() {
    let shop = Shop::with_all_deliveries();
    let warehouse = shop.warehouse("warehouse");
    // Something is refused.
    shop.edit("/cards/*.csv\"", "/cards/*.csv\"\ntolerance = 0.5");
    shop.put("cards", "07.csv", "card,email,first_name,created_on\nK1,a@example.org,Ada,31/02/2025\n");
    night(&shop, &warehouse, "022", &[]).published();
    let for_all = |path: &Path| {
        let below = path.strip_prefix(&warehouse).unwrap();
        let shared = [
            "mart",
            "bi",
            "_sillage/shelf",
            "_sillage/releases",
            "_sillage/artifacts",
            "_sillage/format.json",
        ];
        shared.iter().any(|place| below.starts_with(place))
    };
    for path in everything(&warehouse) {
        let expected = match (for_all(&path), path.is_dir()) {
            _ if path.ends_with("_sillage") => 0o711,
            (true, true) => 0o755,
            (true, false) => 0o644,
            (false, true) => 0o700,
            (false, false) => 0o600,
        };
        assert_eq!(mode(&path), expected, "{}", path.display());
    }
    let shelf = fs::canonicalize(warehouse.join("bi/mart/segments.parquet")).unwrap();
    assert_eq!(mode(&shelf), 0o644);
    for place in ["raw/cards", "ops/quarantine", "_sillage/journal"] {
        assert!(warehouse.join(place).is_dir(), "{place}");
    }
    // A group may be let in, and a stricter umask counts for marts too.
    let group = shop.warehouse("group");
    night(&shop, &group, "027", &[("SILLAGE_FILE_MODE", "0640")]).published();
    for path in files_below(&group) {
        assert_eq!(mode(&path), 0o640, "{}", path.display());
    }
    assert_eq!((mode(&group.join("raw")), mode(&group.join("raw/cards"))), (0o750, 0o750));
    night(&shop, &shop.warehouse("wrong"), "022", &[("SILLAGE_FILE_MODE", "rw")])
        .refused(2, &["SILLAGE_FILE_MODE is `rw`, expected the mode of a file in octal"]);
}

#[test]
fn a_file_without_its_header_tells_nothing_of_its_first_record() {
    for policy in ["fail", "ignore", "evolve"] {
        let shop = Shop::with_all_deliveries();
        let warehouse = shop.warehouse("warehouse");
        shop.edit("/cards/*.csv\"", &format!("/cards/*.csv\"\non_drift = \"{policy}\""));
        shop.put("cards", "07.csv", "K9999,zephyrine.quux@example.org,Zephyrine,2025-11-01\n");
        let ran = shop.run(&warehouse, &[]).refused(1, &["is the header missing"]);
        let needles = ["zephyrine", "quux", "k9999"];
        let output = format!("{}{}", ran.stdout, ran.stderr).to_lowercase();
        assert!(needles.iter().all(|needle| !output.contains(needle)), "{output}");
        assert!(
            query(&warehouse, "select note from ops.steps where status = 'failed'").contains("first line")
        );
        for file in files_below(&warehouse) {
            let text = text_of(&file);
            assert!(needles.iter().all(|needle| !text.contains(needle)), "{}", file.display());
        }
    }
}

#[test]
fn values_of_the_environment_are_in_no_message() {
    let shop = Shop::new();
    let run = |exports: &str| {
        let mut night = shop.night(&shop.warehouse("warehouse"), &[]);
        CommandResult::of(night.env("SHOP_EXPORTS", exports).output().unwrap())
    };
    let secret = shop.path().join("of ada lovelace");
    fs::create_dir_all(&secret).unwrap();
    for exports in [
        secret.to_str().unwrap(),
        "s3://AKIA7:hush-hush@ada-lovelace/in",
        "https://ada:hush-hush@lovelace.example.org/in?sig=hush-hush",
        "s3://ada-lovelace-9999/in/hush-hush",
    ] {
        let message = run(exports).stderr;
        assert!(message.contains("${SHOP_EXPORTS}"), "{message}");
        for word in ["lovelace", "hush", "AKIA7"] {
            assert!(!message.contains(word), "{word} is told in: {message}");
        }
        for file in files_below(&shop.warehouse("warehouse")) {
            assert!(!text_of(&file).contains("hush-hush"), "{}", file.display());
        }
    }
    for warehouse in ["s3://AKIA7:hush-hush@bucket/wh", "https://ada:hush-hush@host/wh?sig=hush-hush"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sillage"));
        let ran = CommandResult::of(command.args(["ls", "--warehouse", warehouse]).output().unwrap());
        let message = ran.refused(2, &["credentials"]).stderr;
        assert!(!message.contains("hush") && !message.contains("AKIA7"), "{message}");
    }
}
