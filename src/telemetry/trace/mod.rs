//! The trace of a request: a span for the request itself and one for each of its stages.
//!
//! A name and the details of a stage are texts of the program, so nothing that a client sends can
//! get into them. Without the feature `otlp`, or where nothing is pushed, all of this does nothing.

#[cfg(feature = "otlp")]
mod pushed;
#[cfg(not(feature = "otlp"))]
mod unpushed;

#[cfg(feature = "otlp")]
pub(super) use pushed::TRACER;
#[cfg(feature = "otlp")]
pub use pushed::Trace;
#[cfg(not(feature = "otlp"))]
pub use unpushed::Trace;
