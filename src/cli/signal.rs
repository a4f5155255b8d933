//! What an interrupt or a termination signal does to a verb.

use tokio::sync::watch;

use crate::storage::spill;

/// Turns true at the first interrupt or termination signal: running steps end, no new ones begin.
/// A second interrupt ends the process at once; the journal makes that safe too.
pub fn stop_on_signal() -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        if next_signal().await {
            let _ = sender.send(true);
            eprintln!("stopping after the steps that run now; once more to stop at once");
            if next_signal().await {
                spill::clear();
                std::process::exit(130);
            }
        }
        // Keeps the channel open for as long as the program lives.
        sender.closed().await;
    });
    receiver
}

/// Ends with the next interrupt or termination signal; false where there are none.
pub(super) async fn next_signal() -> bool {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => tokio::select! {
                interrupted = tokio::signal::ctrl_c() => interrupted.is_ok(),
                _ = terminate.recv() => true,
            },
            Err(_) => tokio::signal::ctrl_c().await.is_ok(),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await.is_ok()
}
