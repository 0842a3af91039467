//! What pushes spans and metrics.

use std::collections::HashMap;
use std::sync::mpsc;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{
    ExporterBuildError, MetricExporter, Protocol, SpanExporter, WithExportConfig, WithHttpConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};

use super::collector::Collector;
use super::instruments::{Buckets, Instruments};
use crate::telemetry::options::{OtlpProtocol, TelemetryError, TelemetryOptions};
use crate::telemetry::trace::TRACER;

/// How long the collector may take for a post, and further attempts of it.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What pushes spans, as they end, and metrics, at an interval: each a thread and a bounded queue.
pub(crate) struct Exporters {
    traces: SdkTracerProvider,
    /// None where no metrics are pushed.
    metrics: Option<SdkMeterProvider>,
}

impl Exporters {
    /// Begins to push.
    ///
    /// # Errors
    /// [`TelemetryError`]: the options name no collector that could be asked.
    pub(crate) fn start(options: &TelemetryOptions) -> Result<Self, TelemetryError> {
        let to = Destination::of(options)?;
        let spans = to.configure(SpanExporter::builder().with_http(), "traces")?.build().map_err(refused)?;
        // Whoever sent `traceparent` has decided already.
        let sampler = Sampler::TraceIdRatioBased(f64::from(options.trace_percent) / 100.0);
        let resource = resource();
        let traces = SdkTracerProvider::builder()
            .with_batch_exporter(spans)
            .with_sampler(Sampler::ParentBased(Box::new(sampler)))
            .with_resource(resource.clone())
            .build();
        let metrics = if options.metrics_interval.is_zero() {
            None
        } else {
            let metrics = to.configure(MetricExporter::builder().with_http(), "metrics")?.build().map_err(refused)?;
            let reader = PeriodicReader::builder(metrics).with_interval(options.metrics_interval).build();
            Some(SdkMeterProvider::builder().with_reader(reader).with_resource(resource).build())
        };
        // A process pushes once.
        let _first = TRACER.set(traces.tracer("eyrie"));
        Ok(Self { traces, metrics })
    }

    /// What metrics are to be recorded with besides; `buckets` gives the bounds of a histogram.
    pub(crate) fn recorder(&self, buckets: Buckets) -> Option<impl metrics::Recorder + Sync + 'static> {
        let metrics = self.metrics.as_ref()?;
        Some(Instruments::recorder(metrics.meter("eyrie"), buckets))
    }

    /// Pushes what is left, for `within` at most.
    pub(crate) fn end(self, within: Duration) {
        let (done, ended) = mpsc::channel();
        let end = move || {
            // What fails is in the log already. Bounded below alone: a bound here too could pass
            // first, and what was late would look as if it had been done.
            let _traces = self.traces.shutdown_with_timeout(Duration::MAX);
            let _metrics = self.metrics.map(|metrics| metrics.shutdown_with_timeout(Duration::MAX));
            let _late = done.send(());
        };
        std::thread::spawn(end);
        if ended.recv_timeout(within).is_err() {
            tracing::warn!("the OpenTelemetry collector did not take the last traces and metrics in time");
        }
    }
}

/// Where posts go, and how.
struct Destination {
    endpoint: String,
    headers: HashMap<String, String>,
    protocol: Protocol,
}

impl Destination {
    fn of(options: &TelemetryOptions) -> Result<Self, TelemetryError> {
        let endpoint = options.otlp_endpoint.trim_end_matches('/').to_owned();
        let protocol = match options.otlp_protocol {
            OtlpProtocol::Protobuf => Protocol::HttpBinary,
            OtlpProtocol::Json => Protocol::HttpJson,
        };
        Ok(Self { endpoint, headers: options.headers()?, protocol })
    }

    fn configure<B: WithExportConfig + WithHttpConfig>(
        &self,
        builder: B,
        signal: &'static str,
    ) -> Result<B, TelemetryError> {
        let collector = Collector::new(&self.endpoint, signal, TIMEOUT).map_err(TelemetryError)?;
        Ok(builder
            .with_endpoint(format!("{}/v1/{signal}", self.endpoint))
            .with_headers(self.headers.clone())
            .with_protocol(self.protocol)
            .with_timeout(TIMEOUT)
            .with_http_client(collector))
    }
}

fn refused(error: ExporterBuildError) -> TelemetryError {
    TelemetryError(format!("nothing can be sent to telemetry.otlp_endpoint: {error}"))
}

/// Who sends: this process. `OTEL_RESOURCE_ATTRIBUTES` adds to it and takes the place of what it
/// names.
fn resource() -> Resource {
    Resource::builder_empty()
        .with_service_name("eyrie")
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attribute(KeyValue::new("service.instance.id", uuid::Uuid::now_v7().to_string()))
        .with_detectors(&[Box::new(TelemetryResourceDetector), Box::new(EnvResourceDetector::new())])
        .build()
}
