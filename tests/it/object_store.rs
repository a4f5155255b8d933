//! The same code on an object store: a real S3 server (moto, from PyPI), started by the test.
//!
//! Where `moto_server` is not installed the test says so and does nothing; `.ci/run` installs it.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::zip::{Archive, Method};

pub struct S3 {
    server: Child,
    port: u16,
}

impl S3 {
    pub fn start() -> Option<S3> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Command::new("moto_server")
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let s3 = S3 { server, port };
        let deadline = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "moto_server did not come up");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(s3)
    }

    /// A bare HTTP request; moto wants a signature but checks none. The body of the answer.
    pub fn request(&self, method: &str, path: &str, body: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAuthorization: AWS4-HMAC-SHA256 \
             Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=none\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            self.port,
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|w| w == b"\r\n\r\n").expect("an HTTP answer has a head");
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        assert!(head.starts_with("HTTP/1.1 200"), "{method} {path}: {head}");
        answer[end + 4..].to_vec()
    }

    fn command(&self, dir: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sillage"));
        command.args(args).current_dir(dir).env_remove("SILLAGE_WAREHOUSE");
        self.known_to(&mut command);
        command
    }

    /// Lets the command reach the server.
    pub fn known_to(&self, command: &mut Command) {
        command.envs([
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "a-secret-of-the-test"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_ENDPOINT_URL", &format!("http://127.0.0.1:{}", self.port)),
        ]);
    }

    /// Copies every object of the bucket below a folder.
    pub fn copy_bucket(&self, bucket: &str, to: &Path) {
        let mut after = String::new();
        loop {
            let listed = self.request("GET", &format!("/{bucket}?list-type=2&start-after={after}"), b"");
            let listed = String::from_utf8(listed).unwrap();
            for key in listed.split("<Key>").skip(1).map(|rest| rest.split_once("</Key>").unwrap().0) {
                let file = to.join(key);
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, self.request("GET", &format!("/{bucket}/{key}"), b"")).unwrap();
                after = key.to_owned();
            }
            if listed.contains("<IsTruncated>false</IsTruncated>") {
                return;
            }
        }
    }

    /// Makes a bucket that is the warehouse in the folder.
    pub fn bucket_of(&self, bucket: &str, warehouse: &Path) {
        self.request("PUT", &format!("/{bucket}"), b"");
        let shelf = fs::canonicalize(warehouse.join("bi")).unwrap();
        for (folder, prefix) in [(warehouse, ""), (&shelf, "bi/")] {
            for file in crate::forget::files_below(folder) {
                let key = file.strip_prefix(folder).unwrap().to_str().unwrap();
                // A bucket has one shelf, whose files are not links.
                if prefix.is_empty() && key.starts_with("_sillage/shelf/") {
                    continue;
                }
                self.request("PUT", &format!("/{bucket}/{prefix}{key}"), &fs::read(&file).unwrap());
            }
        }
    }

    fn sillage(&self, dir: &Path, args: &[&str]) -> Output {
        let output = self.command(dir, args).output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "sillage {args:?}: {message}");
        assert!(!message.contains("a-secret-of-the-test"));
        output
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[test]
fn sources_and_warehouse_in_a_bucket_give_the_bytes_of_a_local_night() {
    let Some(s3) = S3::start() else {
        eprintln!("moto_server is not installed: nothing was tried");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    s3.request("PUT", "/bucket", b"");
    s3.sillage(dir, &["init", "."]);
    s3.sillage(dir, &["run", "pipelines/nightly.toml", "--as-of", "2026-03-01"]);

    let orders = fs::read(dir.join("exports/orders.csv")).unwrap();
    s3.request("PUT", "/bucket/exports/orders.csv", &orders);
    let pipeline = fs::read_to_string(dir.join("pipelines/nightly.toml")).unwrap();
    let remote = pipeline.replace("path = \"exports/*.csv\"", "path = \"s3://bucket/exports/*.csv\"");
    assert_ne!(remote, pipeline);
    fs::write(dir.join("pipelines/nightly.toml"), remote).unwrap();
    let warehouse = ["--warehouse", "s3://bucket/wh"];
    let run = ["run", "pipelines/nightly.toml", "--as-of", "2026-03-01", warehouse[0], warehouse[1]];
    s3.sillage(dir, &run);

    let local = fs::read(dir.join("warehouse/bi/mart/customer_360.parquet")).unwrap();
    assert_eq!(s3.request("GET", "/bucket/wh/bi/mart/customer_360.parquet", b""), local);

    // A second night finds its ledger and its lock given back.
    s3.sillage(dir, &run);
    let sql = "select count(*) as n from raw.orders";
    let counted = s3.sillage(dir, &["query", sql, "--format", "csv", warehouse[0], warehouse[1]]);
    assert_eq!(String::from_utf8_lossy(&counted.stdout), "n\n3\n");

    // Packed as a member of an archive, whose directory is found by requests for parts of it.
    let archive = Archive::default().member(b"till/orders.csv", 0, Method::Deflate, &orders).end("of today");
    s3.request("PUT", "/bucket/packed/orders.zip", &archive);
    let packed = pipeline.replace("path = \"exports/*.csv\"", "path = \"s3://bucket/packed/*.zip\"");
    fs::write(dir.join("pipelines/nightly.toml"), packed).unwrap();
    let warehouse = ["--warehouse", "s3://bucket/packed_wh"];
    s3.sillage(dir, &["run", "pipelines/nightly.toml", "--as-of", "2026-03-01", warehouse[0], warehouse[1]]);
    assert_eq!(s3.request("GET", "/bucket/packed_wh/bi/mart/customer_360.parquet", b""), local);
    let sql = "select distinct _file from raw.orders";
    let files = s3.sillage(dir, &["query", sql, "--format", "csv", warehouse[0], warehouse[1]]);
    assert_eq!(String::from_utf8_lossy(&files.stdout), "_file\norders.zip/till/orders.csv\n");
}

/// `SILLAGE_S3_FAULTS=200` tries that many schedules, four without it.
#[test]
fn a_bucket_that_fails_never_makes_a_wrong_release() {
    let Some(s3) = S3::start() else {
        eprintln!("moto_server is not installed: nothing was tried");
        return;
    };
    let schedules: u64 = std::env::var("SILLAGE_S3_FAULTS").ok().and_then(|n| n.parse().ok()).unwrap_or(4);
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    s3.request("PUT", "/bucket", b"");
    s3.sillage(dir, &["init", "."]);
    s3.sillage(dir, &["run", "pipelines/nightly.toml", "--as-of", "2026-03-01"]);
    let local = fs::read(dir.join("warehouse/bi/mart/customer_360.parquet")).unwrap();
    let mut failed = 0;
    for seed in 0..schedules {
        let warehouse = format!("s3://bucket/wh{seed}");
        let run = ["run", "pipelines/nightly.toml", "--as-of", "2026-03-01", "--warehouse", &warehouse];
        let share = [0.01, 0.03][(seed % 2) as usize];
        let mut night = s3.command(dir, &run);
        let output = night.env("SILLAGE_FAULT_SEED", format!("{seed}:{share}")).output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(matches!(output.status.code(), Some(0 | 1 | 3)), "schedule {seed}: {message}");
        assert!(!message.contains("a defect"), "schedule {seed}: {message}");
        failed += u64::from(!output.status.success());
        s3.sillage(dir, &run);
        let file = format!("/bucket/wh{seed}/bi/mart/customer_360.parquet");
        assert_eq!(s3.request("GET", &file, b""), local, "schedule {seed}: {message}");
        let sql = "select count(*) as n from raw.orders";
        let counted = s3.sillage(dir, &["query", sql, "--format", "csv", "--warehouse", &warehouse]);
        assert_eq!(String::from_utf8_lossy(&counted.stdout), "n\n3\n", "schedule {seed}: {message}");
    }
    println!("{schedules} schedules on a bucket, {failed} failed cleanly, 0 wrong releases");
}
