//! What handlers get.

use std::ops::Deref;
use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;

use super::intake::Intake;
use super::options::HttpOptions;
use crate::service::RetrievalService;

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
    ) -> Self {
        let intake = Intake::new(options.max_concurrent_uploads, options.body_timeout, upload_memory);
        Self(Arc::new(Parts { service, metrics, options, intake }))
    }
}

impl Deref for AppState {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}
