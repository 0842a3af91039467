//! The HTTP interface: axum at the edge, nothing decided here.
