//! What tests run on: whole servers, stores in places of their own, throw-away Postgres servers and
//! poolers, a network that breaks, and pictures.

pub(crate) mod app;
pub(crate) mod archives;
pub(crate) mod clock;
pub(crate) mod pictures;
pub(crate) mod place;
pub(crate) mod pooler;
pub(crate) mod postgres;
pub(crate) mod proxy;
pub(crate) mod raw;

pub(crate) use place::Place;

/// A client for servers without TLS. It looks for no certificates, which a machine may lack.
pub(crate) fn client() -> reqwest::Client {
    // Another test has installed the same one.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().tls_certs_only([]).build().expect("a client")
}
