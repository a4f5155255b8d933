//! Fuzzing: valid inputs, broken in small ways, at every place where bytes or texts come in.
//!
//! Each target generates inputs that are nearly right (a file truncated, a stray quote, a key that is
//! misspelt), reads them in this process without touching the disk (but for parts of a pipeline, which are
//! found in a folder), and holds what is always true: no panic; every record is read or refused, once.
//! `cargo test` tries a few thousand, the same every time. The long run, with the seed to continue from:
//!
//! ```sh
//! SILLAGE_FUZZ=1000000 SILLAGE_FUZZ_SEED=7 cargo test --test it fuzz:: -- --nocapture
//! ```
//!
//! `SILLAGE_FUZZ` is the number of inputs of all targets together. An input that breaks a promise is
//! made small, told, and kept in `tests/fuzz/regressions/<target>.txt`, which is tried first.

mod csv;
mod fixed;
mod json;
mod mutate;
mod packed;
mod parquet;
mod pipeline;
mod reading;
mod selector;
mod sql;
mod tests_file;

use std::time::Instant;

use proptest::strategy::Strategy;
use proptest::test_runner::{
    Config, FileFailurePersistence, RngAlgorithm, TestCaseResult, TestRng, TestRunner,
};

/// Inputs of all targets together when nobody asks for more.
const USUAL: u64 = 4_000;

/// How the inputs are shared out: by what one costs, in parts of a hundred.
#[derive(Clone, Copy)]
pub struct Share(pub u64);

/// Tries the target's share of the inputs.
pub fn fuzz<S: Strategy>(
    target: &'static str,
    kept: &'static str,
    share: Share,
    strategy: S,
    holds: impl Fn(S::Value) -> TestCaseResult,
) {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let all = number("SILLAGE_FUZZ").unwrap_or(USUAL);
    let seed = number("SILLAGE_FUZZ_SEED").unwrap_or(1);
    let cases = u32::try_from((all * share.0).div_ceil(100)).unwrap();
    let config = Config {
        cases,
        max_global_rejects: cases.saturating_mul(10),
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(kept))),
        ..Config::default()
    };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    for (place, letter) in target.bytes().enumerate().take(24) {
        bytes[8 + place] = letter;
    }
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let watch = Instant::now();
    let result = TestRunner::new_with_rng(config, rng).run(&strategy, holds);
    println!("{target}: {cases} inputs in {:.1} s", watch.elapsed().as_secs_f64());
    if let Err(broken) = result {
        panic!("{target}: {broken}");
    }
}
