//! The gate in front of all routes, in two parts. The outer one, [`identify`], says who sent a
//! request and refuses nothing; the inner one, [`admit`], decides. Between them stands the rule for
//! pages of other sites, which has to know the key and lets pages read why they are refused.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::{Body, HttpBody};
use axum::extract::{FromRequestParts, MatchedPath, RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::StreamExt;

use super::caller::Caller;
use super::credentials::{SeveralKeys, key_of};
use super::operations::{Access, needed};
use super::peer::{Network, client};
use super::rates::{Client, Kind, Level, Rates, UnderWay, headers_of};
use super::refusal::{Reason, Visitor, audit};
use crate::domain::{ApiKey, CollectionName, Origin, Scope};
use crate::http::error::{ApiError, Code};
use crate::http::options::MetricsAccess;
use crate::http::state::AppState;
use crate::service::{self, KnownKeys};
use crate::telemetry::Trace;

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// The gate.
#[derive(Clone)]
pub(crate) struct Gate(Option<Arc<Inner>>);

struct Inner {
    state: AppState,
    rates: Rates,
}

impl Gate {
    /// The gate of a server.
    pub(crate) fn of(state: &AppState) -> Self {
        let rates = Rates::new(state.entrance.rates, &state.service.clock());
        Self(Some(Arc::new(Inner { state: state.clone(), rates })))
    }

    /// A gate that lets everybody do everything.
    #[cfg(test)]
    pub(crate) fn open() -> Self {
        Self(None)
    }
}

/// What is known of who sent a request.
#[derive(Clone, Default)]
pub(crate) struct Identity {
    /// The keys that there are, where the request has to do with keys.
    keys: Option<Arc<KnownKeys>>,
    /// Whose key the request has.
    caller: Caller,
    /// What anybody may do without one.
    anonymous: Option<Scope>,
    /// Why nothing more is known.
    failure: Option<Failure>,
}

#[derive(Clone)]
enum Failure {
    WrongKey,
    SeveralKeys,
    Service(ApiError),
}

impl Identity {
    /// Whether the request has a key that is taken.
    pub(crate) fn has_key(&self) -> bool {
        self.caller.key().is_some()
    }

    /// Whether some key may be used from pages.
    pub(crate) fn lets_pages_in(&self) -> bool {
        self.keys.as_ref().is_some_and(|keys| keys.let_pages_in())
    }

    /// Whether some key may be used from pages of this origin.
    pub(crate) fn let_in(&self, origin: &Origin) -> bool {
        self.keys.as_ref().is_some_and(|keys| keys.let_in(origin))
    }
}

/// Notes who sent a request.
pub(crate) async fn identify(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let (mut head, body) = request.into_parts();
    if let Gate(Some(inner)) = &gate {
        let identity = inner.identity(&head).await;
        let peer = client(&head.extensions, &head.headers, &inner.state.options.trusted_proxies);
        if let Some(key) = identity.caller.key() {
            Trace::current().came_by_key(key.label.as_str());
        }
        head.extensions.insert(Visitor { peer, key: identity.caller.key().cloned() });
        head.extensions.insert(identity);
    }
    next.run(Request::from_parts(head, body)).await
}

/// Lets a request in, or refuses it.
pub(crate) async fn admit(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    match &gate.0 {
        Some(inner) => inner.admit(request, next).await,
        None => next.run(request).await,
    }
}

impl Inner {
    fn access(&self, method: &Method, route: Option<&MatchedPath>) -> Access {
        match needed(method, route.map(MatchedPath::as_str)) {
            Access::Metrics => match self.state.options.metrics {
                MetricsAccess::Open => Access::Open,
                MetricsAccess::Key => Access::Needs(Scope::Read),
            },
            access @ (Access::Open | Access::Needs(_)) => access,
        }
    }

    async fn identity(&self, head: &Parts) -> Identity {
        // What is open is answered without a look at the database.
        if self.access(&head.method, head.extensions.get()) == Access::Open {
            return Identity::default();
        }
        let keys = match self.state.service.known_keys().await {
            Ok(keys) => keys,
            Err(error) => return Identity { failure: Some(Failure::Service(error.into())), ..Identity::default() },
        };
        let anonymous = self.anonymous(keys.is_empty());
        let known = Identity { keys: Some(Arc::clone(&keys)), anonymous, ..Identity::default() };
        // Where there is no key, one in a request means nothing.
        if keys.is_empty() {
            return known;
        }
        match key_of(&head.headers) {
            Ok(None) => known,
            Ok(Some(text)) => match keys.find(text, self.state.service.clock().now()) {
                Some(key) => Identity { caller: Caller::with(Arc::clone(key)), ..known },
                None => Identity { failure: Some(Failure::WrongKey), ..known },
            },
            Err(SeveralKeys) => Identity { failure: Some(Failure::SeveralKeys), ..known },
        }
    }

    /// What anybody may do. The right to do everything ends with the first key: keys would mean
    /// nothing beside it.
    fn anonymous(&self, without_keys: bool) -> Option<Scope> {
        let listed = self.state.options.allow_anonymous.iter().copied();
        if without_keys {
            listed.max().or(self.state.entrance.only_here.then_some(Scope::Admin))
        } else {
            listed.filter(|scope| *scope != Scope::Admin).max()
        }
    }

    async fn admit(&self, mut request: Request, next: Next) -> Response {
        let identity = request.extensions_mut().remove::<Identity>().unwrap_or_default();
        let Access::Needs(needed) = self.access(request.method(), request.extensions().get()) else {
            request.extensions_mut().insert(identity.caller);
            return next.run(request).await;
        };
        let peer = request.extensions().get::<Visitor>().and_then(|visitor| visitor.peer);
        let clients = clients(identity.caller.key(), peer);
        let kind = if needed.includes(Scope::Write) { Kind::Write } else { Kind::Read };
        let levels = match self.rates.count(&clients, kind) {
            Ok(levels) => levels,
            Err(levels) => return with_levels(too_many(&request, &levels), &levels),
        };
        let has_key = identity.has_key();
        let response = match self.decide(&identity, needed, peer, &mut request).await {
            Err(refused) => refused,
            Ok(()) => match self.rates.begin(&clients) {
                None => too_many_at_once(&request),
                Some(under_way) => {
                    if let Some(key) = identity.caller.key() {
                        self.state.service.note_key_use(key);
                    }
                    request.extensions_mut().insert(identity.caller);
                    // Whose requests are counted together takes turns with others as one, too.
                    let answer = next.run(request);
                    let response = match clients.first() {
                        Some(client) => service::Caller::named(client).scope(answer).await,
                        None => answer.await,
                    };
                    until_the_end(response, under_way)
                }
            },
        };
        with_levels(if has_key { for_one_alone(response) } else { response }, &levels)
    }

    async fn decide(
        &self,
        identity: &Identity,
        needed: Scope,
        peer: Option<IpAddr>,
        request: &mut Request,
    ) -> Result<(), Response> {
        match &identity.failure {
            None => {}
            Some(Failure::Service(error)) => return Err(error.clone().into_response()),
            Some(Failure::SeveralKeys) => return Err(several_keys(request)),
            Some(Failure::WrongKey) => return Err(self.wrong_key(peer, request)),
        }
        let Some(key) = identity.caller.key() else {
            let may = identity.anonymous.is_some_and(|scope| scope.includes(needed));
            return if may { Ok(()) } else { Err(missing_key(request, needed)) };
        };
        if !key.origins.is_empty() && !is_from(request.headers(), &key.origins) {
            return Err(wrong_origin(request));
        }
        if !key.scope.includes(needed) {
            return Err(wrong_scope(request, needed, key.scope));
        }
        check_collection(&identity.caller, request).await
    }

    fn wrong_key(&self, peer: Option<IpAddr>, request: &Request) -> Response {
        if let Some(Err(level)) = peer.map(|peer| self.rates.count_wrong_key(Network::of(peer))) {
            audit(Reason::Rate, request.method(), request.extensions());
            let detail = format!("too many wrong keys; try again in {} s", level.wait_seconds());
            return ApiError::new(Code::RateLimited, detail).retry_after(level.wait_seconds()).into_response();
        }
        audit(Reason::WrongKey, request.method(), request.extensions());
        let detail = "this key is not taken: there is none like it, or it has expired or was revoked";
        unauthorized(Code::InvalidKey, detail, "Bearer realm=\"eyrie\", error=\"invalid_token\"")
    }
}

/// Whose requests are counted together with this one. A secret key stands for one program, however
/// many addresses it has; a published one for many people, each of whom is bounded, too. Who is on
/// this machine is not bounded.
fn clients(key: Option<&Arc<ApiKey>>, peer: Option<IpAddr>) -> Vec<Client> {
    let peer = peer.filter(|peer| !peer.is_loopback()).map(|peer| Client::Peer(Network::of(peer)));
    match key {
        None => peer.into_iter().collect(),
        Some(key) if key.origins.is_empty() => vec![Client::Key(key.id.clone())],
        Some(key) => peer.into_iter().chain([Client::Key(key.id.clone())]).collect(),
    }
}

fn is_from(headers: &HeaderMap, origins: &[Origin]) -> bool {
    let origin = headers.get(header::ORIGIN).and_then(|value| Origin::parse(value.to_str().ok()?));
    origin.is_some_and(|origin| origins.contains(&origin))
}

/// Refuses the collection of a path where it does not exist for the caller, just as one that does
/// not exist.
async fn check_collection(caller: &Caller, request: &mut Request) -> Result<(), Response> {
    if !caller.is_limited() {
        return Ok(());
    }
    let (mut head, body) = std::mem::take(request).into_parts();
    let params = RawPathParams::from_request_parts(&mut head, &()).await;
    // Without one, or with one that cannot be, the handler says what is wrong.
    let name = params.ok().and_then(|params| {
        let (_, name) = params.iter().find(|(name, _)| *name == "collection")?;
        CollectionName::new(name).ok()
    });
    let refusal = name.and_then(|name| caller.check(&name, &head).err());
    *request = Request::from_parts(head, body);
    match refusal {
        None => Ok(()),
        Some(refusal) => Err(refusal.into_response()),
    }
}

fn unauthorized(code: Code, detail: impl Into<String>, challenge: &'static str) -> Response {
    let mut response = ApiError::new(code, detail).into_response();
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    response
}

fn missing_key(request: &Request, needed: Scope) -> Response {
    audit(Reason::MissingKey, request.method(), request.extensions());
    let detail = format!("this needs a key with the scope {needed}: Authorization: Bearer KEY, or X-Api-Key: KEY");
    unauthorized(Code::MissingKey, detail, "Bearer realm=\"eyrie\"")
}

fn several_keys(request: &Request) -> Response {
    audit(Reason::SeveralKeys, request.method(), request.extensions());
    ApiError::new(Code::AmbiguousKey, "the request has several keys; send one").into_response()
}

fn wrong_origin(request: &Request) -> Response {
    audit(Reason::Origin, request.method(), request.extensions());
    ApiError::new(Code::OriginNotAllowed, "this key may be used from pages of its own origins only").into_response()
}

fn wrong_scope(request: &Request, needed: Scope, has: Scope) -> Response {
    audit(Reason::Scope, request.method(), request.extensions());
    let detail = format!("this needs a key with the scope {needed}; the scope of this one is {has}");
    ApiError::new(Code::InsufficientScope, detail).into_response()
}

fn too_many(request: &Request, levels: &[Level]) -> Response {
    audit(Reason::Rate, request.method(), request.extensions());
    let seconds = levels.last().map_or(1, Level::wait_seconds);
    let detail = format!("too many requests; try again in {seconds} s");
    ApiError::new(Code::RateLimited, detail).retry_after(seconds).into_response()
}

fn too_many_at_once(request: &Request) -> Response {
    audit(Reason::Concurrent, request.method(), request.extensions());
    let detail = "too many requests are under way; wait until some of them are answered";
    ApiError::new(Code::TooManyAtOnce, detail).retry_after(1).into_response()
}

fn with_levels(mut response: Response, levels: &[Level]) -> Response {
    if let Some((policy, limit)) = headers_of(levels) {
        for (name, text) in [(RATE_LIMIT_POLICY, policy), (RATE_LIMIT, limit)] {
            if let Ok(value) = HeaderValue::try_from(text) {
                response.headers_mut().insert(name, value);
            }
        }
    }
    response
}

/// What is answered to a key is not for caches that others share.
fn for_one_alone(mut response: Response) -> Response {
    let caching = response.headers().get(header::CACHE_CONTROL).and_then(|value| value.to_str().ok());
    let private = caching.and_then(|caching| caching.strip_prefix("public")).map(|rest| format!("private{rest}"));
    if let Some(Ok(value)) = private.map(HeaderValue::try_from) {
        response.headers_mut().insert(header::CACHE_CONTROL, value);
    }
    response
}

/// A body of known length is in memory: its request has ended. One that is made while it is sent
/// ends with its last part, or when the client goes away.
fn until_the_end(response: Response, under_way: UnderWay) -> Response {
    if response.body().size_hint().exact().is_some() {
        return response;
    }
    response.map(|body| {
        Body::from_stream(body.into_data_stream().inspect(move |_| {
            // The stream owns it.
            let _: &UnderWay = &under_way;
        }))
    })
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use time::OffsetDateTime;

    use super::*;
    use crate::domain::{KeyId, KeyLabel, Quota};

    fn key(origins: &[&str]) -> Arc<ApiKey> {
        Arc::new(ApiKey {
            id: KeyId::new("k").expect("an id"),
            label: KeyLabel::new("a key").expect("a label"),
            scope: Scope::Search,
            collections: None,
            origins: origins.iter().map(|text| text.parse().expect("an origin")).collect(),
            quota: Quota::default(),
            created_at: OffsetDateTime::UNIX_EPOCH,
            expires_at: None,
            last_used_at: None,
            revoked_at: None,
        })
    }

    #[test]
    fn a_program_is_counted_by_its_key_and_a_page_by_the_address_of_its_reader_too() {
        let of_key = Client::Key(KeyId::new("k").expect("an id"));
        let [here, there]: [IpAddr; 2] = ["127.0.0.1", "192.0.2.1"].map(|text| text.parse().expect("an address"));
        let of_peer = Client::Peer(Network::of(there));
        assert_eq!(clients(None, Some(there)), from_ref(&of_peer));
        assert_eq!(clients(None, Some(here)), []);
        assert_eq!(clients(None, None), []);
        assert_eq!(clients(Some(&key(&[])), Some(there)), from_ref(&of_key));
        assert_eq!(clients(Some(&key(&["https://a.example"])), Some(there)), [of_peer, of_key.clone()]);
        assert_eq!(clients(Some(&key(&["https://a.example"])), Some(here)), [of_key]);
    }
}
