//! Forms of files in complete runs: compressed, fixed-width and ragged exports are read once, under names
//! that say where a row is, or stop the run with a clear error.

use std::fs;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::shop::{CommandResult, query, sillage};
use crate::zip::{Archive, Method};

/// A pipeline of sources only, in a folder of its own.
struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    fn new(sources: &str) -> Self {
        let project = Project { folder: tempfile::tempdir().unwrap() };
        let top = "name = \"files\"\nas_of = \"2026-02-01\"\nmodels = \"sql\"\nwarehouse = \"warehouse\"\n";
        project.write("files.toml", format!("{top}{}", sources.replace("$", &project.path(""))));
        project.write(
            "sql/mart/counted.sql",
            "-- Grain: one row.\nselect 1 as one, count(*) as rows from raw.sales",
        );
        project.write("sql/mart/counted.toml", "key = [\"one\"]\nstatic = true\n");
        project
    }

    fn path(&self, below: &str) -> String {
        format!("{}/{below}", self.folder.path().display())
    }

    fn write(&self, below: &str, bytes: impl AsRef<[u8]>) -> &Self {
        let path = self.folder.path().join(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self
    }

    fn edit(&self, from: &str, to: &str) {
        let text = fs::read_to_string(self.path("files.toml")).unwrap();
        assert!(text.contains(from), "{from}");
        fs::write(self.path("files.toml"), text.replace(from, to)).unwrap();
    }

    fn night(&self) -> CommandResult {
        let warehouse = self.path("warehouse");
        sillage(["run", &self.path("files.toml"), "--warehouse", &warehouse])
    }

    #[track_caller]
    fn ask(&self, sql: &str) -> Vec<String> {
        query(self.folder.path().join("warehouse").as_path(), sql)
            .lines()
            .skip(1)
            .map(str::to_owned)
            .collect()
    }
}

const SALES: &str = "[sources.sales]\npath = \"$exports/*\"\nformat = \"csv\"\n[sources.sales.columns]\n\
                     id = \"integer\"\nnet = \"decimal(9,2)\"\n";

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn sales(rows: std::ops::Range<u32>) -> String {
    let rows = rows.map(|n| format!("{n},{n}.50\n"));
    std::iter::once("id,net\n".to_owned()).chain(rows).collect()
}

#[test]
fn packed_files_are_read_once_and_their_rows_say_where_they_stand() {
    let project = Project::new(SALES);
    project.write("exports/a.csv", sales(0..2)).write("exports/b.csv.gz", gzip(&sales(2..4)));
    let archive = || Archive::default().text("till/1.csv", &sales(4..6)).text("__MACOSX/._1.csv", "junk");
    project.write("exports/c.zip", archive().end(""));
    let message = project.night().published();
    let note = "raw.sales: not read: c.zip/__MACOSX/._1.csv (in a hidden folder)";
    assert!(message.stderr.contains(note), "{}", message.stderr);
    let places = "select _file, _line, id from raw.sales order by id";
    assert_eq!(
        project.ask(places),
        [
            "a.csv,2,0",
            "a.csv,3,1",
            "b.csv.gz,2,2",
            "b.csv.gz,3,3",
            "c.zip/till/1.csv,2,4",
            "c.zip/till/1.csv,3,5"
        ]
    );
    assert_eq!(
        project.ask("select file, rows from ops.sources order by file"),
        ["a.csv,2", "b.csv.gz,2", "c.zip/till/1.csv,2"]
    );
    // The archive is delivered again, packed otherwise, with one member more.
    let again = Archive::default()
        .member(b"till/1.csv", 0x800, Method::Zstandard, sales(4..6).as_bytes())
        .text("till/2.csv", &sales(6..7));
    project.write("exports/c.zip", again.end("of today"));
    project.night().published();
    assert_eq!(project.ask("select count(*), count(distinct id) from raw.sales"), ["7,7"]);
    assert_eq!(project.ask("select rows from mart.counted"), ["7"]);
}

#[test]
fn a_file_that_cannot_be_unpacked_whole_stops_the_night_and_nothing_is_published() {
    let packed = gzip(&sales(0..20_000));
    let cut = &packed[..packed.len() / 2];
    let lying = {
        let mut bytes =
            Archive::default().member(b"1.csv", 0, Method::Stored, sales(0..9).as_bytes()).end("");
        let place = bytes.iter().position(|b| *b == b'5').unwrap();
        bytes[place] = b'6';
        bytes
    };
    for (name, bytes, message) in [
        ("b.csv", cut, "the gzip data is truncated"),
        ("b.zip", &lying, "the zip data is damaged"),
        (
            "b.zip",
            &lying[..lying.len() - 8],
            "the zip archive is truncated: its central directory is missing",
        ),
    ] {
        let project = Project::new(SALES);
        project.write("exports/a.csv", sales(0..2)).night().published();
        project.write(&format!("exports/{name}"), bytes);
        project.night().refused(1, &[message, "source sales", name]);
        assert_eq!(project.ask("select count(*) from raw.sales"), ["2"]);
        assert_eq!(project.ask("select rows from mart.counted"), ["2"]);
    }
}

#[test]
fn refused_records_of_packed_files_are_read_again() {
    let project = Project::new(&SALES.replace("format = \"csv\"", "format = \"csv\"\ntolerance = 0.9"));
    let rows = "id,net\n1,1.50\n2\n3,n/a\n";
    project.write("exports/a.zip", Archive::default().text("x/a.csv", rows).end(""));
    project.write("exports/b.gz", gzip(&rows.replace("1,", "5,").replace("2\n", "6\n").replace("3,", "7,")));
    project.night().published();
    assert_eq!(
        project.ask("select file, line from ops.quarantine order by file, line"),
        ["a.zip/x/a.csv,3", "a.zip/x/a.csv,4", "b.gz,3", "b.gz,4"]
    );
    project.edit("tolerance = 0.9", "tolerance = 0.9\nragged = \"pad\"\nnull = [\"\", \"n/a\"]");
    let (pipeline, warehouse) = (project.path("files.toml"), project.path("warehouse"));
    sillage(["quarantine", "replay", "sales", &pipeline, "--warehouse", &warehouse]).published();
    assert_eq!(
        project.ask("select id, net, _file, _line from raw.sales order by id"),
        [
            "1,1.50,a.zip/x/a.csv,2",
            "2,,a.zip/x/a.csv,3",
            "3,,a.zip/x/a.csv,4",
            "5,1.50,b.gz,2",
            "6,,b.gz,3",
            "7,,b.gz,4"
        ]
    );
}

#[test]
fn a_date_in_the_name_of_an_archive_or_of_its_member_says_when_it_was_expected() {
    let sources = SALES.replace(
        "format = \"csv\"",
        "format = \"csv\"\nmember = \"*.csv\"\ndate_in_name = \"%Y-%m-%d\"\n\
         expect = { every = \"daily\", from = \"2026-01-29\", severity = \"warn\" }",
    );
    let project = Project::new(&sources);
    project.write("exports/till_2026-01-29.zip", Archive::default().text("a.csv", &sales(0..1)).end(""));
    project.write("exports/till.zip", Archive::default().text("2026-01-31/a.csv", &sales(1..2)).end(""));
    let message = project.night().published();
    assert!(message.stderr.contains("no file for 2026-01-30\n"), "{}", message.stderr);
}

#[test]
fn a_fixed_width_export_is_a_source_like_any_other() {
    let project = Project::new(
        "[sources.sales]\npath = \"$exports/*.txt\"\nformat = \"fixed\"\nragged = \"pad\"\n\
         [sources.sales.columns]\nid = { type = \"text\", at = [1, 5] }\n\
         day = { type = \"date\", at = [7, 14], format = \"%Y%m%d\" }\n\
         net = { type = \"decimal(9,2)\", at = [15, 23] }\n",
    );
    project.write("exports/a.txt", "00004 19970101    29.33\n00021 19970113  1063.34\r\n00022 19970114\n");
    project.night().published();
    assert_eq!(
        project.ask("select id, day, net, _line from raw.sales order by 1"),
        ["00004,1997-01-01,29.33,1", "00021,1997-01-13,1063.34,2", "00022,1997-01-14,,3"]
    );
}

#[test]
fn raw_columns_stand_in_the_order_of_their_declaration() {
    let project = Project::new(
        "[sources.sales]\npath = \"$exports/*.csv\"\nformat = \"csv\"\non_drift = \"evolve\"\n\
         [sources.sales.columns]\nzip = \"text\"\nnet = \"decimal(9,2)\"\nage = \"integer\"\n",
    );
    project.write("exports/1.csv", "tier,age,net,zip,city\ngold,7,1.50,01000,Brest\n");
    project.night().published();
    let header = |sql: &str| {
        let warehouse = project.folder.path().join("warehouse");
        query(&warehouse, sql).lines().next().unwrap().to_owned()
    };
    assert_eq!(header("select * from raw.sales"), "zip,net,age,tier,city,_file,_line,_run");
    let shown = sillage(["show", "raw.sales", "--warehouse", &project.path("warehouse")]).published().stdout;
    let places: Vec<usize> =
        ["zip", "net", "age", "tier", "city"].iter().map(|name| shown.find(name).unwrap()).collect();
    assert!(places.is_sorted(), "{shown}");
    // What comes later stands after what was there.
    project.write("exports/2.csv", "bonus,age,net,zip\n5,7,1.50,01000\n");
    project.night().published();
    assert_eq!(header("select * from raw.sales"), "zip,net,age,tier,city,_file,_line,_run,bonus");
}

#[test]
fn what_is_exported_reads_back_as_it_was_and_formulas_are_reported() {
    let project = Project::new(
        "[sources.sales]\npath = \"$exports/*.csv\"\nformat = \"csv\"\n[sources.sales.columns]\n\
         id = \"text\"\nname = \"text\"\npostcode = \"text\"\nphone = \"text\"\ncard = \"text\"\n",
    );
    let rows = [
        ["a", "=HYPERLINK(\"http://x\",\"y\")", "01000", "+33612345678", "2974612345678901"],
        ["b", "O'Neil; \"Zoé\"\nsecond line, comma", "75008", "0612345678", "0012"],
        ["c", "@SUM(A1)", "-", "-1", "1E5"],
        ["d", "plain", "00000", "+33 6 12 34 56 78", "000"],
    ];
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["id", "name", "postcode", "phone", "card"]).unwrap();
    rows.iter().for_each(|row| writer.write_record(row).unwrap());
    project.write("exports/a.csv", writer.into_inner().unwrap());
    project.night().published();
    let (warehouse, out) = (project.path("warehouse"), project.path("out.csv"));
    let sql = "select id, name, postcode, phone, card from raw.sales order by id";
    let written = |more: &[&str]| {
        let words = ["query", sql, "--warehouse", &warehouse, "-o", &out];
        let message = sillage(words.iter().chain(more)).published().stderr;
        let mut reader = csv::Reader::from_path(&out).unwrap();
        let read: Vec<Vec<String>> =
            reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
        (message, read)
    };
    let (message, read) = written(&["--keep-formulas"]);
    assert!(message.contains("cells begin as formulas do") && message.contains("2 in name"), "{message}");
    assert_eq!(read, rows.map(|row| row.map(str::to_owned).to_vec()));
    // For a spreadsheet, which would carry them out.
    let (message, read) = written(&[]);
    assert!(message.contains("have a ' before them") && message.contains("2 in name"), "{message}");
    let harmless = rows.map(|row| {
        row.map(|cell| if cell.starts_with(['=', '@']) { format!("'{cell}") } else { cell.to_owned() })
            .to_vec()
    });
    assert_eq!(read, harmless);
}
