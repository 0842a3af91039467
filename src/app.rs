//! The composition root: configuration to concrete parts to service to router, and the shutdown.
