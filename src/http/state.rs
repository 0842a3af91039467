//! What handlers get.

use std::ops::Deref;
use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;

use super::access::rates::RateOptions;
use super::intake::Intake;
use super::options::HttpOptions;
use crate::service::RetrievalService;

/// How strangers are met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entrance {
    /// Whether only programs of this machine reach the server: then everybody may do everything as
    /// long as there is no key and no [`HttpOptions::allow_anonymous`].
    pub only_here: bool,
    /// How much a client may ask for.
    pub rates: RateOptions,
}

/// What every handler gets; a clone is the same one.
#[derive(Clone)]
pub struct AppState(Arc<Parts>);

/// Inside of [`AppState`].
pub struct Parts {
    /// The use cases.
    pub(crate) service: Arc<RetrievalService>,
    /// Renders the metrics.
    pub(crate) metrics: PrometheusHandle,
    /// How the server is configured.
    pub(crate) options: HttpOptions,
    /// How strangers are met.
    pub(crate) entrance: Entrance,
    /// Takes bodies in.
    pub(crate) intake: Intake,
}

impl AppState {
    /// The state of a server that answers for this service. Uploads share `upload_memory` bytes,
    /// where they are bounded.
    #[must_use]
    pub fn new(
        service: Arc<RetrievalService>,
        metrics: PrometheusHandle,
        options: HttpOptions,
        upload_memory: Option<usize>,
        entrance: Entrance,
    ) -> Self {
        let intake = Intake::new(options.max_concurrent_uploads, options.body_timeout, upload_memory);
        Self(Arc::new(Parts { service, metrics, options, entrance, intake }))
    }
}

impl Deref for AppState {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}
