//! Traces and metrics pushed to an OpenTelemetry collector.

mod collector;
mod exporters;
mod instruments;

pub(super) use exporters::Exporters;
