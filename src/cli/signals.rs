//! Being asked to stop.

use tokio::signal;

/// Completes at the next Ctrl-C or SIGTERM.
///
/// # Errors
/// What the operating system says when a handler cannot be installed.
pub(super) async fn stop_requested() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        let mut terminate = signal::unix::signal(signal::unix::SignalKind::terminate())?;
        tokio::select! {
            asked = signal::ctrl_c() => asked,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    signal::ctrl_c().await
}
