//! A small shop in a temporary folder, and the real binary run on it as a user would.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, OnceLock};

use arrow::array::{ArrayRef, BooleanArray, Date32Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use tempfile::TempDir;

/// Texts that are in rows of the shop and of the broken files: personal, never to be reported.
pub const PRIVATE: [&str; 2] = ["Quillfeather", "Sesame"];

/// A project of its own; gone at the end of the test.
pub struct Shop {
    dir: TempDir,
}

/// What a command said and how it ended.
pub struct CommandOutput {
    command: String,
    pub out: String,
    pub err: String,
    pub code: Option<i32>,
}

impl Shop {
    /// The project, not yet run.
    pub fn new() -> Shop {
        let shop = Shop { dir: tempfile::Builder::new().prefix("shop").tempdir().unwrap() };
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/errors/shop");
        copy(&fixture, shop.dir.path());
        shop.people(24);
        shop
    }

    /// The project with its first release.
    pub fn published() -> Shop {
        static FIRST: OnceLock<Shop> = OnceLock::new();
        let first = FIRST.get_or_init(|| {
            let shop = Shop::new();
            let captured = shop.run(&[]);
            assert_eq!(captured.code, Some(0), "{}", captured.err);
            shop
        });
        let shop = Shop { dir: tempfile::Builder::new().prefix("shop").tempdir().unwrap() };
        copy(first.dir.path(), shop.dir.path());
        shop
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    pub fn write(&self, below: &str, text: impl AsRef<[u8]>) {
        let path = self.path(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn remove(&self, below: &str) {
        let path = self.path(below);
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
    }

    /// Replaces a text of a file that must be there.
    pub fn edit(&self, below: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(below)).unwrap();
        assert!(text.contains(from), "{below} does not hold {from:?}");
        fs::write(self.path(below), text.replacen(from, to, 1)).unwrap();
    }

    /// Edits the pipeline file.
    pub fn pipeline(&self, from: &str, to: &str) {
        self.edit("pipelines/shop.toml", from, to);
    }

    /// Adds sections to the pipeline file.
    pub fn declare(&self, text: &str) {
        let path = self.path("pipelines/shop.toml");
        fs::write(&path, fs::read_to_string(&path).unwrap() + "\n" + text).unwrap();
    }

    pub fn model(&self, table: &str, sql: &str) {
        self.write(&format!("sql/shop/{}.sql", table.replace('.', "/")), sql);
    }

    /// Declares the properties of a table, instead of those that it has.
    pub fn properties(&self, table: &str, toml: &str) {
        self.write(&properties_file(table), toml);
    }

    /// Edits the properties of a table.
    pub fn edit_properties(&self, table: &str, from: &str, to: &str) {
        self.edit(&properties_file(table), from, to);
    }

    /// Writes `exports/people/people.parquet`.
    pub fn people(&self, count: usize) {
        let names = (1..=count).map(|n| format!("Ada Quillfeather {n}"));
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("customer_id", Arc::new(StringArray::from_iter_values((1..=count).map(|n| format!("c{n:02}"))))),
            ("name", Arc::new(StringArray::from_iter_values(names))),
            ("accepts_email", Arc::new(BooleanArray::from_iter((1..=count).map(|n| Some(n % 4 > 0))))),
            ("since", Arc::new(Date32Array::from_iter_values((1..=count).map(|n| 20_000 + n as i32)))),
        ];
        self.parquet("exports/people/people.parquet", RecordBatch::try_from_iter(columns).unwrap());
    }

    pub fn parquet(&self, below: &str, rows: RecordBatch) {
        fs::create_dir_all(self.path(below).parent().unwrap()).unwrap();
        let file = fs::File::create(self.path(below)).unwrap();
        let mut writer = ArrowWriter::try_new(file, rows.schema(), None).unwrap();
        writer.write(&rows).unwrap();
        writer.close().unwrap();
    }

    /// The binary, in the project's folder, ready for arguments.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sillage"));
        self.prepare(&mut command);
        command
    }

    /// Takes from a command what depends on who runs the tests.
    pub fn prepare(&self, command: &mut Command) {
        command.current_dir(self.dir.path()).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
    }

    pub fn sillage(&self, args: &[&str]) -> CommandOutput {
        self.captured(args, &self.command().args(args).output().unwrap())
    }

    /// `run` with one thread, so that its lines are in one order.
    pub fn run(&self, more: &[&str]) -> CommandOutput {
        let args: Vec<&str> = ["run", "--threads", "1"].iter().chain(more).copied().collect();
        self.sillage(&args)
    }

    pub fn captured(&self, args: &[&str], output: &Output) -> CommandOutput {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let quoted = args.iter().map(|a| if a.contains(' ') { format!("'{a}'") } else { (*a).to_owned() });
        CommandOutput {
            command: format!("sillage {}", quoted.collect::<Vec<_>>().join(" ")),
            out: text(&output.stdout),
            err: text(&output.stderr),
            code: output.status.code(),
        }
    }

    /// One number or text out of the last release.
    pub fn ask(&self, sql: &str) -> String {
        let captured = self.sillage(&["query", sql, "--all-versions", "--format", "csv"]);
        assert_eq!(captured.code, Some(0), "{sql}: {}", captured.err);
        captured.out.lines().skip(1).collect::<Vec<_>>().join("\n")
    }

    /// All that a reader could notice of a release: which are published, at which versions the
    /// tables stand that are not the history, and every byte of the shelf.
    pub fn visible(&self) -> BTreeMap<String, String> {
        let mut seen = BTreeMap::new();
        let folder = self.path("warehouse/_sillage/releases");
        let mut files: Vec<PathBuf> =
            fs::read_dir(folder).map(|all| all.map(|e| e.unwrap().path()).collect()).unwrap_or_default();
        files.sort();
        for file in &files {
            let release: serde_json::Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
            if release["outcome"] == "published" {
                seen.insert(format!("release {}", release["release"]), release["published_at"].to_string());
            }
            for (table, version) in release["tables"].as_object().unwrap() {
                if !table.starts_with("ops.") {
                    seen.insert(format!("table {table}"), version.to_string());
                }
            }
        }
        let shelf = self.path("warehouse/bi");
        if let Ok(link) = fs::read_link(&shelf) {
            seen.insert("bi".to_owned(), link.display().to_string());
            for file in files_below(&shelf) {
                let bytes = fs::read(&file).unwrap();
                let digest = bytes.iter().fold(0u64, |h, b| h.wrapping_mul(31).wrapping_add(u64::from(*b)));
                seen.insert(file.strip_prefix(&shelf).unwrap().display().to_string(), digest.to_string());
            }
        }
        seen
    }
}

impl CommandOutput {
    /// Compares with the snapshot `tests/errors/snapshots/<name>.snap`, places and times aside.
    #[track_caller]
    pub fn shown(&self, name: &str, dir: &str) {
        let text = [&self.out, &self.err].map(|part| part.trim_end()).join("\n");
        let code = self.code.map_or("killed by a signal".to_owned(), |code| format!("exit {code}"));
        let text = format!("$ {}\n{}\n{code}\n", self.command, text.trim_start_matches('\n'));
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join(dir));
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        for (pattern, put) in [
            (r"(/private)?/tmp/(nix-shell[^/]*/)?shop[A-Za-z0-9]{6}", "[DIR]"),
            (r"tmp/shop[A-Za-z0-9]{6}", "[DIR]"),
            (r" +\d+\.\d\d s\b", " [TIME]"),
            (r"in \d+\.\d s", "in [TIME]"),
            (r"20[3-9]\d-\d\d-\d\dT[0-9:.]+Z|202[6-9]-(0[4-9]|1[0-2])-\d\dT[0-9:.]+Z", "[NOW]"),
            (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "[UUID]"),
            (r"process \d+", "process [PID]"),
            // A lease that is renewed takes the next number.
            (r"_sillage/lock/\d{20}", "_sillage/lock/[FENCE]"),
            (r"(_sillage/journal/\d{20})/\d{20}", "$1/[FENCE]"),
            (r#""wall_ms":\d+"#, r#""wall_ms":[MS]"#),
        ] {
            settings.add_filter(pattern, put);
        }
        settings.bind(|| insta::assert_snapshot!(name, text));
    }

    /// No panic, no signal, no personal value.
    #[track_caller]
    pub fn is_clean(&self) {
        let all = format!("{}{}", self.out, self.err);
        assert!(self.code.is_some(), "killed by a signal: {all}");
        assert!(!all.contains("panicked"), "{all}");
        assert!(!all.contains("RUST_BACKTRACE"), "{all}");
        for private in PRIVATE {
            assert!(!all.contains(private), "a personal value was told: {all}");
        }
    }
}

/// Where the shop keeps the properties of a table.
fn properties_file(table: &str) -> String {
    format!("sql/shop/{}.toml", table.replace('.', "/"))
}

pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return files };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").arg(format!("{}/.", from.display())).arg(to).status().unwrap();
    assert!(status.success());
}
