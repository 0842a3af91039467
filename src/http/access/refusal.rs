//! Saying no, and writing it down.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::MatchedPath;
use axum::http::{Extensions, Method};

use crate::domain::ApiKey;
use crate::http::observe::RequestId;
use crate::telemetry::metric;

/// Why somebody is refused, as the log and the metrics say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// A key is needed and there is none.
    MissingKey,
    /// There is no such key, or it is not taken any more.
    WrongKey,
    /// There are several.
    SeveralKeys,
    /// The key may not do this.
    Scope,
    /// The key is for other collections.
    Collection,
    /// The key is for pages of other origins.
    Origin,
    /// The page is of another web site, and no key says that it may.
    Page,
    /// Too many requests, or wrong keys.
    Rate,
    /// Too many requests at a time.
    Concurrent,
}

impl Reason {
    fn as_str(self) -> &'static str {
        match self {
            Self::MissingKey => "missing_key",
            Self::WrongKey => "wrong_key",
            Self::SeveralKeys => "several_keys",
            Self::Scope => "scope",
            Self::Collection => "collection",
            Self::Origin => "origin",
            Self::Page => "page",
            Self::Rate => "rate",
            Self::Concurrent => "concurrent",
        }
    }
}

/// From where a request came, and the key that it has, for the log.
#[derive(Debug, Clone, Default)]
pub(super) struct Visitor {
    pub(super) peer: Option<IpAddr>,
    pub(super) key: Option<Arc<ApiKey>>,
}

/// Counts a refusal, and writes a line about it into the log under the target `eyrie::audit`.
pub(crate) fn audit(reason: Reason, method: &Method, extensions: &Extensions) {
    let reason = reason.as_str();
    metrics::counter!(metric::REFUSALS, "reason" => reason).increment(1);
    let visitor = extensions.get::<Visitor>().cloned().unwrap_or_default();
    let key = visitor.key.as_deref();
    tracing::warn!(
        target: "eyrie::audit",
        reason,
        key_label = key.map(|key| key.label.as_str()),
        key_id = key.map(|key| key.id.as_str()),
        peer = visitor.peer.map(tracing::field::display),
        method = method.as_str(),
        route = extensions.get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str),
        request_id = extensions.get::<RequestId>().map_or("", |id| id.0.as_str()),
        "refused"
    );
}
