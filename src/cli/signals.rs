//! Being asked to stop.

use tokio::signal;
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind};

use crate::app::StartError;

/// Receives Ctrl-C and SIGTERM from its creation on: one that comes before anybody waits is not
/// lost.
pub(super) struct StopRequests {
    #[cfg(unix)]
    signals: [Signal; 2],
}

impl StopRequests {
    /// Begins to receive.
    ///
    /// # Errors
    /// [`StartError::Process`] when the operating system refuses.
    pub(super) fn receive() -> Result<Self, StartError> {
        #[cfg(unix)]
        {
            let receive = |kind| {
                signal::unix::signal(kind).map_err(|e| StartError::Process(format!("cannot receive signals: {e}")))
            };
            Ok(Self { signals: [receive(SignalKind::interrupt())?, receive(SignalKind::terminate())?] })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// Completes at the next request to stop.
    pub(super) async fn next(&mut self) {
        #[cfg(unix)]
        {
            let [interrupt, terminate] = &mut self.signals;
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        }
        #[cfg(not(unix))]
        if signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Receives SIGHUP from its creation on, which would end the process otherwise. Elsewhere than on
/// Unix there is none.
pub(super) struct ReloadRequests {
    #[cfg(unix)]
    signal: Signal,
}

impl ReloadRequests {
    /// Begins to receive.
    ///
    /// # Errors
    /// [`StartError::Process`] when the operating system refuses.
    pub(super) fn receive() -> Result<Self, StartError> {
        #[cfg(unix)]
        {
            let signal = signal::unix::signal(SignalKind::hangup());
            let signal = signal.map_err(|e| StartError::Process(format!("cannot receive signals: {e}")))?;
            Ok(Self { signal })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// Completes at the next request to reload.
    pub(super) async fn next(&mut self) {
        #[cfg(unix)]
        if self.signal.recv().await.is_some() {
            return;
        }
        std::future::pending::<()>().await;
    }
}
