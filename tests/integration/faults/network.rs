//! The network between the service and Postgres.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use eyrie::domain::SystemClock;
use eyrie::store::{PostgresOptions, PostgresStore};
use futures::future::join_all;
use reqwest::RequestBuilder;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use crate::support::app::{TestApp, images, ok, problem, refused, search};
use crate::support::pictures;
use crate::support::place::OPTIONS;
use crate::support::postgres::{TestDatabase, fresh_database};
use crate::support::proxy::{Network, Proxy, Trap};

/// The longest time of a statement where a test breaks the network.
const STATEMENT: Duration = Duration::from_secs(2);

/// The longest time until an answer that says that the database is away: the keys may wait for
/// those who asked before, and then for the database.
const REFUSED_WITHIN: Duration = Duration::from_secs(8);

/// How long the database is away in the test of that.
const CUT_FOR: Duration = Duration::from_secs(30);

/// The longest time until the first answer after the network is back.
const BACK_WITHIN: Duration = Duration::from_secs(10);

/// An app that reaches its database through a proxy.
struct Remote {
    app: TestApp,
    proxy: Proxy,
    database: TestDatabase,
}

impl Remote {
    async fn start() -> Self {
        Self::with(PostgresOptions { statement_timeout: STATEMENT, ..OPTIONS }).await
    }

    async fn with(options: PostgresOptions) -> Self {
        let (database, proxy) = (fresh_database().await, Proxy::started());
        let store = PostgresStore::connect(&proxy.url(&database), options, Arc::new(SystemClock)).await;
        let app = TestApp::builder().store(Arc::new(store.expect("connects"))).start().await;
        Self { app, proxy, database }
    }

    fn upload(&self, id: &str, seed: u32) -> RequestBuilder {
        let request = self.app.post(&images("")).query(&[("id", id)]);
        request.header("content-type", "image/png").body(pictures::png(seed))
    }

    fn query(&self, seed: u32) -> RequestBuilder {
        self.app.post(&search()).header("content-type", "image/png").body(pictures::png(seed))
    }

    /// What a search with this picture finds first.
    async fn best(&self, seed: u32) -> Value {
        ok(self.query(seed)).await["results"][0]["id"].clone()
    }

    /// The ids that are stored, as the database itself says.
    async fn stored(&self) -> Vec<String> {
        let mut direct = PgConnection::connect(&self.database.url).await.expect("the test server answers");
        let ids = sqlx::query_scalar("SELECT id FROM images ORDER BY id").fetch_all(&mut direct).await.expect("ids");
        direct.close().await.expect("closes");
        ids
    }

    /// Every kind of request that needs the database says soon that it is away, and what needs none
    /// is answered.
    async fn is_away(&self) {
        let requests =
            [self.app.get(&images("/a")), self.app.get("/v1/collections"), self.upload("while-away", 7), self.query(1)];
        let answers = requests.map(async |request| {
            let begun = Instant::now();
            (refused(request).await, begun.elapsed())
        });
        for ((status, code), time) in join_all(answers).await {
            assert_eq!((status, code.as_str()), (503, "database_unavailable"));
            assert!(time < REFUSED_WITHIN, "{time:?}");
        }
        let readiness = problem(self.app.get("/readyz").send().await.expect("answer")).await;
        assert_eq!((&readiness["status"], &readiness["code"]), (&json!(503), &json!("not_ready")), "{readiness}");
        assert!(readiness["store"] == "unavailable" || readiness["store"] == "no answer in time", "{readiness}");
        assert_eq!(self.app.get("/livez").send().await.expect("answer").status(), 200);
    }

    /// The very first requests of every kind are served again, soon.
    async fn is_back(&self) {
        let begun = Instant::now();
        assert_eq!(ok(self.app.get("/readyz")).await["store"], "ok");
        assert_eq!(ok(self.app.get(&images("/a"))).await["id"], "a");
        ok(self.upload("back", 8)).await;
        assert_eq!(self.best(8).await, "back");
        assert_eq!(self.best(1).await, "a");
        assert!(begun.elapsed() < BACK_WITHIN, "{:?}", begun.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_cut_off_is_a_503_until_it_is_back() {
    let remote = Remote::start().await;
    remote.app.add("a", pictures::png(1), json!({})).await;
    remote.proxy.set(Network::Cut).await;
    // From its begin to its end.
    let cut = Instant::now();
    while cut.elapsed() < CUT_FOR {
        remote.is_away().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    remote.proxy.set(Network::Passes).await;
    remote.is_back().await;
    assert_eq!(remote.stored().await, ["a", "back"]);
    remote.app.close().await;
}

/// Pictures that differ for each of these clients and numbers.
fn seed(client: u32, number: u32) -> u32 {
    100 + client * 1000 + number
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_when_the_database_is_cut_off_under_uploads() {
    let remote = Remote::start().await;
    let is_cut = AtomicBool::new(false);
    let (first, mut begun) = tokio::sync::mpsc::unbounded_channel();
    // Each client adds pictures until one is refused.
    let add = |client: u32| {
        let (remote, is_cut, first) = (&remote, &is_cut, first.clone());
        async move {
            for number in 0.. {
                let id = format!("p{client}-{number}");
                let answer = remote.upload(&id, seed(client, number)).send().await.expect("answer");
                if answer.status() != 201 {
                    assert!(is_cut.load(Ordering::SeqCst), "{}", problem(answer).await);
                    assert_eq!(problem(answer).await["code"], "database_unavailable");
                    return number;
                }
                first.send(()).expect("the test waits");
            }
            unreachable!("it is cut")
        }
    };
    let cut = async {
        for _ in 0..5 {
            begun.recv().await.expect("an upload");
        }
        is_cut.store(true, Ordering::SeqCst);
        remote.proxy.set(Network::Cut).await;
    };
    let (added, ()) = tokio::join!(join_all((0..3).map(add)), cut);
    // Those that were refused may be there or not.
    let acknowledged = |client: usize| (0..added[client]).map(move |number| format!("p{client}-{number}"));
    let stored = remote.stored().await;
    for id in (0..3).flat_map(acknowledged) {
        assert!(stored.contains(&id), "{id} was acknowledged; {stored:?}");
    }
    remote.proxy.set(Network::Passes).await;
    // Each that was refused is sent again, and is there once, whatever became of it before.
    for (client, number) in (0..).zip(&added) {
        let id = format!("p{client}-{number}");
        assert_eq!(ok(remote.upload(&id, seed(client, *number))).await["id"], *id);
        assert_eq!(remote.best(seed(client, *number)).await, *id);
    }
    let mut all: Vec<String> =
        (0..3).flat_map(|client| (0..=added[client]).map(move |number| format!("p{client}-{number}"))).collect();
    all.sort();
    assert_eq!(remote.stored().await, all);
    remote.app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_network_makes_everything_slow_and_nothing_wrong() {
    const LATENCY: Duration = Duration::from_millis(300);
    let remote = Remote::with(OPTIONS).await;
    remote.app.add("a", pictures::png(1), json!({})).await;
    remote.proxy.set(Network::Slow(LATENCY)).await;
    let begun = Instant::now();
    assert_eq!(ok(remote.app.get("/readyz")).await["store"], "ok");
    ok(remote.app.get(&images("/a"))).await;
    // There and back.
    assert!(begun.elapsed() >= 2 * LATENCY, "{:?}", begun.elapsed());
    ok(remote.upload("b", 2)).await;
    assert_eq!(remote.best(2).await, "b");
    let removed = remote.app.delete(&images("/a")).send().await.expect("answer");
    assert!(removed.status().is_success(), "{}", removed.status());
    assert_ne!(remote.best(1).await, "a");
    assert_eq!(remote.stored().await, ["b"]);
    remote.proxy.set(Network::Passes).await;
    remote.app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_whose_commit_does_not_arrive_is_not_stored_and_can_be_sent_again() {
    let remote = Remote::start().await;
    remote.proxy.trap("pictured", 0, Trap::ResetBefore);
    assert_eq!(refused(remote.upload("pictured", 1)).await, (503, "database_unavailable".to_owned()));
    assert!(!remote.proxy.has_traps());
    assert_eq!(remote.stored().await, [""; 0]);
    let again = remote.upload("pictured", 1).send().await.expect("answer");
    assert_eq!(again.status(), 201);
    assert_eq!(remote.best(1).await, "pictured");
    assert_eq!(remote.stored().await, ["pictured"]);
    remote.app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_whose_commit_is_not_answered_is_stored_once_however_it_is_sent_again() {
    let remote = Remote::start().await;
    remote.proxy.trap("pictured", 0, Trap::ResetAfter);
    assert_eq!(refused(remote.upload("pictured", 1)).await, (503, "database_unavailable".to_owned()));
    assert!(!remote.proxy.has_traps());
    assert_eq!(remote.stored().await, ["pictured"]);
    // By its id, by its bytes alone, and in the place of what is there.
    let by_bytes = remote.app.post(&images("")).header("content-type", "image/png").body(pictures::png(1));
    let put = remote.app.put(&images("/pictured")).header("content-type", "image/png").body(pictures::png(1));
    for again in [remote.upload("pictured", 1), by_bytes, put] {
        let answer = again.send().await.expect("answer");
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.json::<Value>().await.expect("JSON")["id"], "pictured");
        assert_eq!(remote.stored().await, ["pictured"]);
    }
    assert_eq!(remote.best(1).await, "pictured");
    remote.app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_named_request_is_done_once_wherever_the_database_was_lost_in_it() {
    let remote = Remote::start().await;
    let named = |name: &str, id: &str, seed| remote.upload(id, seed).header("idempotency-key", name);
    let away = (503, "database_unavailable".to_owned());
    // At its begin: it is not under way, though the database was told so.
    remote.proxy.trap("named-begin", 0, Trap::ResetAfter);
    assert_eq!(refused(named("named-begin", "a", 1)).await, away);
    assert_eq!(remote.stored().await, [""; 0]);
    assert_eq!(named("named-begin", "a", 1).send().await.expect("answer").status(), 201);

    // Where the picture is stored, and the client is not told.
    remote.proxy.trap("pictured", 0, Trap::ResetAfter);
    assert_eq!(refused(named("named-work", "pictured", 2)).await, away);
    assert_eq!(remote.stored().await, ["a", "pictured"]);
    let again = named("named-work", "pictured", 2).send().await.expect("answer");
    assert_eq!(again.status(), 200);
    assert_eq!(remote.stored().await, ["a", "pictured"]);

    // Where its failure is to be forgotten.
    remote.proxy.trap("lost-twice", 0, Trap::ResetBefore);
    remote.proxy.trap("named-failure", 1, Trap::ResetBefore);
    assert_eq!(refused(named("named-failure", "lost-twice", 3)).await, away);
    assert_eq!(named("named-failure", "lost-twice", 3).send().await.expect("answer").status(), 201);

    // Where its answer is to be kept: the client has it, and gets it again.
    remote.proxy.trap("named-answer", 1, Trap::ResetBefore);
    let first = named("named-answer", "d", 4).send().await.expect("answer");
    assert_eq!(first.status(), 201);
    let first = first.text().await.expect("body");
    let again = named("named-answer", "d", 4).send().await.expect("answer");
    assert_eq!(
        (again.status().as_u16(), &again.headers()["idempotent-replayed"]),
        (201, &"true".parse().expect("text"))
    );
    assert_eq!(again.text().await.expect("body"), first);
    assert!(!remote.proxy.has_traps());
    assert_eq!(remote.stored().await, ["a", "d", "lost-twice", "pictured"]);
    remote.app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_named_request_stores_nothing_twice_where_nobody_was_told_that_it_is_stored() {
    let remote = Remote::start().await;
    let metadata = json!({"title": "unanswered"});
    let one = |name: &str| {
        let request = remote.app.post(&images("?on_duplicate=allow")).header("idempotency-key", name);
        let request = request.query(&[("metadata", metadata.to_string())]);
        request.header("content-type", "image/png").body(pictures::png(1))
    };
    remote.proxy.trap("unanswered", 0, Trap::ResetAfter);
    assert_eq!(refused(one("first")).await, (503, "database_unavailable".to_owned()));
    assert!(!remote.proxy.has_traps());
    let stored = remote.stored().await;
    assert_eq!(stored.len(), 1);
    let again = one("first").send().await.expect("answer");
    assert_eq!(again.status(), 200);
    assert_eq!(again.json::<Value>().await.expect("JSON")["id"], stored[0]);
    assert_eq!(remote.stored().await, stored);
    assert_eq!(one("second").send().await.expect("answer").status(), 201, "another request");
    assert_eq!(remote.stored().await.len(), 2);

    // Of a batch the rest is done, and what was stored is not stored once more.
    let batch = || {
        let picture = || Part::bytes(pictures::png(1));
        let form = Form::new().part("image", picture()).part("image", picture());
        let form = form.text("items", json!([{"metadata": {"n": 1}}, {"metadata": metadata}]).to_string());
        let request = remote.app.post(&images(":batch?on_duplicate=allow")).header("idempotency-key", "both");
        request.multipart(form)
    };
    let statuses = |answer: &Value| -> Vec<Value> {
        answer["results"].as_array().expect("a list").iter().map(|result| result["status"].clone()).collect()
    };
    remote.proxy.trap("unanswered", 0, Trap::ResetAfter);
    assert_eq!(statuses(&ok(batch()).await), [201, 503]);
    assert_eq!(remote.stored().await.len(), 4);
    assert_eq!(statuses(&ok(batch()).await), [200, 200]);
    assert_eq!(remote.stored().await.len(), 4);
    remote.app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_says_nothing_any_more_is_a_503_in_time_and_leaves_nothing_behind() {
    let remote = Remote::start().await;
    remote.app.add("a", pictures::png(1), json!({})).await;
    // So that many connections are open.
    join_all((0..12).map(|_| async { ok(remote.app.get(&images("/a"))).await })).await;
    remote.proxy.set(Network::Silent).await;
    remote.is_away().await;
    remote.proxy.set(Network::Passes).await;
    remote.is_back().await;
    join_all((0..12).map(|_| async { ok(remote.app.get(&images("/a"))).await })).await;
    assert_eq!(remote.stored().await, ["a", "back"]);
    remote.app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_that_died_without_a_word_fail_no_request() {
    let remote = Remote::start().await;
    remote.app.add("a", pictures::png(1), json!({})).await;
    join_all((0..12).map(|_| async { ok(remote.app.get(&images("/a"))).await })).await;
    // As a firewall does that forgets connections.
    remote.proxy.set(Network::Silent).await;
    remote.proxy.set(Network::Passes).await;
    remote.is_back().await;
    remote.app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_dies_on_its_way_back_does_not_keep_its_place() {
    let options = PostgresOptions { max_connections: 2, statement_timeout: Duration::from_secs(4), ..OPTIONS };
    let remote = Remote::with(options).await;
    for (id, seed) in [("first", 1), ("second", 2)] {
        remote.proxy.trap(id, 0, Trap::SilentAfter);
        let answer = remote.upload(id, seed).send().await.expect("answer");
        assert_eq!(answer.status(), 201, "the commit was answered");
    }
    assert!(!remote.proxy.has_traps());
    // All places of the pool were taken by the two.
    assert_eq!(ok(remote.app.get(&images("/first"))).await["id"], "first");
    join_all((0..6).map(|_| async { ok(remote.app.get(&images("/second"))).await })).await;
    assert_eq!(remote.stored().await, ["first", "second"]);
    remote.app.close().await;
}
