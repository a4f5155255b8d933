//! Deliberate faults, for the tests that show what a crash or a failing store leaves after.
//!
//! Debug builds and builds with the feature `faults` read these environment variables; a release build does
//! not.
//!
//! | variable | effect |
//! |---|---|
//! | `SILLAGE_FAULT_POINTS=FILE` | writes a line to the file for each point that is passed and each fault |
//! | `SILLAGE_FAULT_STOP=N` | the process exits, without a message, at the N-th point |
//! | `SILLAGE_FAULT_SLEEP=N` | the process stops (SIGSTOP) at the N-th point, until it is woken |
//! | `SILLAGE_FAULT_HANG=N` | the thread that reaches the N-th point hangs there |
//! | `SILLAGE_FAULT_LEASE_MS=T` | a lock that is not renewed expires after T milliseconds |
//! | `SILLAGE_FAULT_SEED=S:P` | each call to a store fails with probability P; the kind of failure is derived from S |
//!
//! There is a point before and after each call that changes a store, and between the system calls of such a
//! call on a folder.

#[cfg(any(debug_assertions, feature = "faults"))]
pub use chosen::{between, point};

/// Marks a place at which tests may let the process crash.
#[cfg(not(any(debug_assertions, feature = "faults")))]
#[inline(always)]
pub fn point(_what: &str) {}

/// Returns the store as it is.
#[cfg(not(any(debug_assertions, feature = "faults")))]
pub fn between(
    store: std::sync::Arc<dyn object_store::ObjectStore>,
) -> std::sync::Arc<dyn object_store::ObjectStore> {
    store
}

#[cfg(any(debug_assertions, feature = "faults"))]
mod chosen {
    use std::fmt;
    use std::fs::File;
    use std::io::Write;
    use std::ops::Range;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{Arc, LazyLock, Mutex};
    use std::time::Duration;

    use bytes::Bytes;
    use futures::FutureExt;
    use futures::stream::{BoxStream, StreamExt};
    use object_store::path::Path;
    use object_store::{
        CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
        PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, UploadPart,
    };
    use rand::{Rng, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    struct Chosen {
        points: Option<Mutex<File>>,
        stop: Option<u64>,
        sleep: Option<u64>,
        hang: Option<u64>,
        draws: Option<Mutex<(Xoshiro256PlusPlus, f64)>>,
    }

    static PASSED: AtomicU64 = AtomicU64::new(0);

    static CHOSEN: LazyLock<Chosen> = LazyLock::new(|| {
        let asked = |name: &str| std::env::var(name).ok();
        Chosen {
            points: asked("SILLAGE_FAULT_POINTS").and_then(|file| File::create(file).ok()).map(Mutex::new),
            stop: asked("SILLAGE_FAULT_STOP").and_then(|n| n.parse().ok()),
            sleep: asked("SILLAGE_FAULT_SLEEP").and_then(|n| n.parse().ok()),
            hang: asked("SILLAGE_FAULT_HANG").and_then(|n| n.parse().ok()),
            draws: asked("SILLAGE_FAULT_SEED").and_then(|text| {
                let (seed, share) = text.split_once(':')?;
                let chance = Xoshiro256PlusPlus::seed_from_u64(seed.parse().ok()?);
                Some(Mutex::new((chance, share.parse().ok()?)))
            }),
        }
    });

    /// A place where a crash is worth trying.
    pub fn point(what: &str) {
        let passed = PASSED.fetch_add(1, Ordering::SeqCst) + 1;
        tell(what);
        if CHOSEN.stop == Some(passed) {
            std::process::abort();
        }
        while CHOSEN.hang == Some(passed) {
            std::thread::park();
        }
        if CHOSEN.sleep == Some(passed) {
            let this = std::process::id().to_string();
            let _ = std::process::Command::new("kill").args(["-STOP", &this]).status();
        }
    }

    fn tell(what: &str) {
        if let Some(points) = &CHOSEN.points
            && let Ok(mut points) = points.lock()
        {
            let _ = writeln!(points, "{what}");
        }
    }

    /// What happens to a call.
    enum Fate {
        Done,
        /// It fails, and nothing was done.
        Refused,
        /// It was done, and the answer was lost.
        Unanswered,
        /// Only a part of it was done.
        Torn,
        /// The store reports that a condition was not met.
        Precondition,
    }

    fn fate() -> Fate {
        let Some(draws) = &CHOSEN.draws else { return Fate::Done };
        let Ok(mut draws) = draws.lock() else { return Fate::Done };
        let (chance, share) = &mut *draws;
        if !chance.gen_bool(*share) {
            return Fate::Done;
        }
        let (fate, name) = match chance.gen_range(0..4) {
            0 => (Fate::Refused, "refused"),
            1 => (Fate::Unanswered, "unanswered"),
            2 => (Fate::Torn, "torn or slow"),
            _ => (Fate::Precondition, "precondition"),
        };
        tell(&format!("fault: {name}"));
        fate
    }

    fn refused() -> Error {
        Error::Generic {
            store: "fault",
            source: "503 Service Unavailable, chosen by SILLAGE_FAULT_SEED".into(),
        }
    }

    fn lost() -> Error {
        Error::Generic { store: "fault", source: "the answer timed out, chosen by SILLAGE_FAULT_SEED".into() }
    }

    /// Returns the store with points and faults in front of it.
    pub fn between(store: Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> {
        let Chosen { points, stop, sleep, hang, draws } = &*CHOSEN;
        let counts = points.is_some() || stop.is_some() || sleep.is_some() || hang.is_some();
        if counts || draws.is_some() { Arc::new(Faulty { store }) } else { store }
    }

    #[derive(Debug)]
    struct Faulty {
        store: Arc<dyn ObjectStore>,
    }

    impl fmt::Display for Faulty {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.store.fmt(f)
        }
    }

    impl Faulty {
        /// Returns a call that changes the store, between its two points.
        async fn change<T>(&self, what: &str, call: impl Future<Output = Result<T>>) -> Result<T> {
            point(&format!("before {what}"));
            let answer = match fate() {
                Fate::Done => call.await,
                Fate::Unanswered => call.await.and_then(|_| Err(lost())),
                Fate::Refused | Fate::Torn | Fate::Precondition => Err(refused()),
            };
            point(&format!("after {what}"));
            answer
        }
    }

    #[async_trait::async_trait]
    impl ObjectStore for Faulty {
        async fn put_opts(
            &self,
            location: &Path,
            payload: PutPayload,
            opts: PutOptions,
        ) -> Result<PutResult> {
            point("before put");
            let only_if_absent = opts.mode == PutMode::Create;
            let answer = match fate() {
                Fate::Done => self.store.put_opts(location, payload, opts).await,
                Fate::Unanswered => {
                    self.store.put_opts(location, payload, opts).await.and_then(|_| Err(lost()))
                }
                Fate::Precondition if only_if_absent => {
                    // What a store answers when its first, unanswered try had succeeded.
                    self.store.put_opts(location, payload, opts).await.and_then(|_| {
                        Err(Error::Precondition { path: location.to_string(), source: "412, chosen".into() })
                    })
                }
                Fate::Refused | Fate::Torn | Fate::Precondition => Err(refused()),
            };
            point("after put");
            answer
        }

        async fn put_multipart_opts(
            &self,
            location: &Path,
            opts: PutMultipartOptions,
        ) -> Result<Box<dyn MultipartUpload>> {
            let upload = self.change("upload", self.store.put_multipart_opts(location, opts)).await?;
            Ok(Box::new(FaultyUpload { upload }))
        }

        async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
            match fate() {
                Fate::Done => {}
                Fate::Torn => tokio::time::sleep(Duration::from_millis(50)).await,
                _ => return Err(refused()),
            }
            self.store.get_opts(location, options).await
        }

        async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
            match fate() {
                Fate::Done => {}
                Fate::Torn => tokio::time::sleep(Duration::from_millis(50)).await,
                _ => return Err(refused()),
            }
            self.store.get_ranges(location, ranges).await
        }

        fn delete_stream(
            &self,
            locations: BoxStream<'static, Result<Path>>,
        ) -> BoxStream<'static, Result<Path>> {
            let before = locations.inspect(|_| point("before delete")).boxed();
            self.store.delete_stream(before).inspect(|_| point("after delete")).boxed()
        }

        fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
            match fate() {
                Fate::Done | Fate::Torn => self.store.list(prefix),
                _ => futures::stream::once(async { Err(refused()) }).boxed(),
            }
        }

        fn list_with_offset(
            &self,
            prefix: Option<&Path>,
            offset: &Path,
        ) -> BoxStream<'static, Result<ObjectMeta>> {
            self.store.list_with_offset(prefix, offset)
        }

        async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
            self.store.list_with_delimiter(prefix).await
        }

        async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
            self.change("copy", self.store.copy_opts(from, to, options)).await
        }

        async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
            self.change("rename", self.store.rename_opts(from, to, options)).await
        }
    }

    #[derive(Debug)]
    struct FaultyUpload {
        upload: Box<dyn MultipartUpload>,
    }

    #[async_trait::async_trait]
    impl MultipartUpload for FaultyUpload {
        fn put_part(&mut self, data: PutPayload) -> UploadPart {
            point("before part");
            match fate() {
                Fate::Done => self.upload.put_part(data),
                // Half of the part is written, and the rest never follows.
                Fate::Torn | Fate::Unanswered => {
                    let part = self.upload.put_part(data);
                    async move { part.await.and_then(|()| Err(lost())) }.boxed()
                }
                _ => async { Err(refused()) }.boxed(),
            }
        }

        async fn complete(&mut self) -> Result<PutResult> {
            point("before complete");
            let answer = match fate() {
                Fate::Done => self.upload.complete().await,
                Fate::Unanswered => self.upload.complete().await.and_then(|_| Err(lost())),
                _ => Err(refused()),
            };
            point("after complete");
            answer
        }

        async fn abort(&mut self) -> Result<()> {
            self.upload.abort().await
        }
    }
}
