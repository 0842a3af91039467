//! Traces of a program that may push them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime};

use opentelemetry::context::FutureExt;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracer;

/// What begins spans, where they are pushed.
pub(crate) static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// Stages of one request that are pushed: an import has some for each of its pictures.
const MOST_STAGES: usize = 1_000;

/// How many further stages a request may have.
struct Room(Arc<AtomicUsize>);

/// A place in the trace of a request, or none; it can be taken to other tasks and threads.
#[derive(Clone, Default)]
pub struct Trace {
    context: Context,
}

impl Trace {
    /// The place of a request whose span begins now. `header` reads a header of it: `traceparent`
    /// and `tracestate` say whose child it is.
    pub fn of_request(
        method: &'static str,
        route: &str,
        request_id: &str,
        header: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let Some(tracer) = TRACER.get() else { return Self::default() };
        let headers = ["traceparent", "tracestate"].into_iter();
        let headers: HashMap<String, String> =
            headers.filter_map(|name| Some((name.to_owned(), header(name)?))).collect();
        let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &headers);
        let attributes = [
            KeyValue::new("http.request.method", method),
            KeyValue::new("http.route", route.to_owned()),
            KeyValue::new("eyrie.request_id", request_id.to_owned()),
        ];
        let builder = tracer.span_builder(format!("{method} {route}"));
        let builder = builder.with_kind(SpanKind::Server).with_attributes(attributes);
        let context = parent.with_span(tracer.build_with_context(builder, &parent));
        Self { context: context.with_value(Room(Arc::new(AtomicUsize::new(MOST_STAGES)))) }
    }

    /// The place of what runs now.
    #[must_use]
    pub fn current() -> Self {
        Self { context: Context::current() }
    }

    /// Does work at this place.
    pub async fn scope<F: Future>(self, work: F) -> F::Output {
        work.with_context(self.context).await
    }

    /// The id of the trace.
    #[must_use]
    pub fn id(&self) -> Option<String> {
        let span = self.context.span();
        let span = span.span_context();
        span.is_valid().then(|| span.trace_id().to_string())
    }

    /// Notes a stage below this place; the result is the place of the stage.
    pub fn stage(
        &self,
        name: &'static str,
        details: &[(&'static str, &'static str)],
        from: Instant,
        to: Instant,
    ) -> Self {
        let Some(tracer) = TRACER.get().filter(|_| self.takes_stage()) else { return Self::default() };
        let attributes = details.iter().map(|(name, value)| KeyValue::new(*name, *value));
        let builder = tracer.span_builder(name).with_start_time(time_of(from)).with_attributes(attributes);
        let context = self.context.with_span(tracer.build_with_context(builder, &self.context));
        context.span().end_with_timestamp(time_of(to));
        Self { context }
    }

    /// Whether the trace is pushed and has room for one stage more, which is taken.
    fn takes_stage(&self) -> bool {
        let Some(Room(room)) = self.context.get::<Room>() else { return false };
        let take = || room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |room| room.checked_sub(1)).is_ok();
        self.context.span().span_context().is_sampled() && take()
    }

    /// Notes by whose key a request came.
    pub fn came_by_key(&self, label: &str) {
        self.context.span().set_attribute(KeyValue::new("eyrie.key", label.to_owned()));
    }

    /// Ends the span of a request; `code` is that of its problem document, or empty.
    pub fn answered(&self, status: u16, code: &str) {
        let span = self.context.span();
        span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
        if !code.is_empty() {
            span.set_attribute(KeyValue::new("eyrie.code", code.to_owned()));
        }
        if status >= 500 {
            span.set_status(Status::error(""));
        }
        span.end();
    }

    /// Ends the span of a request whose client went away.
    pub fn abandoned(&self) {
        let span = self.context.span();
        span.set_attribute(KeyValue::new("eyrie.code", "client_gone"));
        span.end();
    }
}

fn time_of(instant: Instant) -> SystemTime {
    let now = SystemTime::now();
    now.checked_sub(instant.elapsed()).unwrap_or(now)
}
