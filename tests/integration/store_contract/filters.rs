//! Filters in the database agree with their definition.

use eyrie::domain::{CollectionName, Condition, Filter, ImageId, Profile};
use eyrie::store::{SameContent, Store};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::{Map, Value, json};

use super::{id, image, metadata, name};
use crate::support::Place;

over_both_databases!(filtered_lists_continue_over_many_pages, long_in_lists_and_many_conditions_are_answered);

#[test]
fn sqlite_agrees_with_the_definition() {
    agrees_with_the_definition(Place::sqlite());
}

#[test]
fn postgres_agrees_with_the_definition() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    agrees_with_the_definition(runtime.block_on(Place::postgres()));
}

/// Few enough that metadata and filters often meet; odd enough that a naive translation fails.
const KEYS: [&str; 14] = ["a", "b", "A", "0", "\"", "$", "[0]", "a\"]", "'", "%", "\\", "\n", "ключ", "e\u{301}😀"];
const TEXTS: [&str; 15] =
    ["", "a", "A", "ab", "\"", "\\\"", "'; --", "%", "_", "ü", "u\u{308}", "😀", "\u{1}\t", "true", "1"];

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        prop::sample::select(&TEXTS[..]).prop_map(|text| json!(text)),
        "\\PC{0,3}".prop_map(Value::String),
        (-2_i64..3).prop_map(|n| json!(n)),
        (-2_i32..3).prop_map(|n| json!(f64::from(n))),
        prop::sample::select(vec![
            json!(0.1),
            json!(-0.0),
            json!(0.5),
            json!(1e-7),
            json!(5e-324),
            json!(1e16),
            json!(10_000_000_000_000_000_u64),
            json!(9_007_199_254_740_991_i64),
            json!(9_007_199_254_740_992_i64),
            json!(9_007_199_254_740_993_i64),
            json!(9_007_199_254_740_992.0),
            json!(i64::MIN),
            json!(u64::MAX),
            json!(18_446_744_073_709_551_616.0),
            json!(f64::MAX),
            json!(0.30000000000000004),
        ]),
        any::<i64>().prop_map(|n| json!(n)),
        any::<f64>().prop_filter("JSON has finite numbers", |x| x.is_finite()).prop_map(|x| json!(x)),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            object(inner).prop_map(Value::Object)
        ]
    })
}

fn object(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::btree_map(prop::sample::select(&KEYS[..]).prop_map(str::to_owned), inner, 0..5)
        .prop_map(|map| map.into_iter().collect())
}

fn condition() -> impl Strategy<Value = Condition> {
    let bound = || scalar().prop_filter("only numbers and texts have an order", |v| v.is_number() || v.is_string());
    prop_oneof![
        3 => scalar().prop_map(Condition::Eq),
        2 => prop::collection::vec(scalar(), 0..4).prop_map(Condition::In),
        1 => bound().prop_map(Condition::Gt),
        1 => bound().prop_map(Condition::Gte),
        1 => bound().prop_map(Condition::Lt),
        1 => bound().prop_map(Condition::Lte),
        2 => prop::sample::select(&TEXTS[..]).prop_map(|text| Condition::Prefix(text.to_owned())),
        1 => any::<bool>().prop_map(Condition::Exists),
    ]
}

fn filter() -> impl Strategy<Value = Filter> {
    let key = prop::sample::select(&KEYS[..]).prop_map(str::to_owned);
    let path = prop_oneof![4 => prop::collection::vec(key.clone(), 1), 1 => prop::collection::vec(key, 2..4)];
    let leaf = (path, condition()).prop_map(|(path, condition)| Filter::Field { path, condition });
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::All),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::Any),
            inner.prop_map(|part| Filter::Not(Box::new(part))),
        ]
    })
}

/// Equal as JSON: a database may write the same number in another way.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => x == y || (x.as_f64() == y.as_f64() && (x.is_f64() || y.is_f64())),
        (Value::Array(x), Value::Array(y)) => x.len() == y.len() && x.iter().zip(y).all(|(x, y)| same(x, y)),
        (Value::Object(x), Value::Object(y)) => {
            x.len() == y.len() && x.iter().all(|(key, x)| y.get(key).is_some_and(|y| same(x, y)))
        }
        (a, b) => a == b,
    }
}

fn agrees_with_the_definition(place: Place) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let store = runtime.block_on(place.open());
    let case = (prop::collection::vec(object(value()), 1..10), prop::collection::vec(filter(), 1..25));
    let mut runner = TestRunner::new(Config { cases: 60, failure_persistence: None, ..Config::default() });
    let rounds = std::cell::Cell::new(0);
    let matches = std::cell::Cell::new(0);
    runner
        .run(&case, |(objects, filters)| {
            rounds.set(rounds.get() + 1);
            let hits = runtime.block_on(check(&*store, rounds.get(), &objects, &filters))?;
            matches.set(matches.get() + hits);
            Ok(())
        })
        .expect("both agree");
    assert!(matches.get() > 500, "only {} matches: the test hardly tests anything", matches.get());
}

/// The ids of the images that match, sorted.
async fn matching_ids(store: &dyn Store, collection: &CollectionName, filter: &Filter) -> Vec<ImageId> {
    let keys = store.matching_keys(collection, filter).await.expect("answers");
    let mut ids: Vec<ImageId> = store.ids(&keys).await.expect("answers").into_iter().map(|(_, id)| id).collect();
    assert_eq!(ids.len(), keys.len());
    ids.sort_unstable();
    ids
}

async fn check(
    store: &dyn Store,
    round: u32,
    objects: &[Map<String, Value>],
    filters: &[Filter],
) -> Result<usize, TestCaseError> {
    let collection = super::collections::create(store, &format!("round-{round}"), Profile::Fast).await;
    for (seed, object) in (0..).zip(objects) {
        let mut new = image(&format!("i{seed}"), seed);
        new.metadata = metadata(Value::Object(object.clone()));
        store.insert(&collection, &new, SameContent::Allow).await.expect("answers");
        let read = store.get(&collection, &new.id).await.expect("readable").expect("there").metadata;
        prop_assert!(same(&json!(read), &json!(new.metadata)), "{} became {}", json!(new.metadata), json!(read));
    }
    let mut hits = 0;
    for filter in filters {
        let expected: Vec<ImageId> = (0..)
            .zip(objects)
            .filter(|(_, object)| filter.matches(&metadata(Value::Object((*object).clone()))))
            .map(|(seed, _): (u32, _)| id(&format!("i{seed}")))
            .collect();
        let found = matching_ids(store, &collection, filter).await;
        prop_assert_eq!(&found, &expected, "{:?}", filter);
        let listed = store.list(&collection, None, 100, Some(filter)).await.expect("answers");
        prop_assert_eq!(listed.into_iter().map(|record| record.id).collect::<Vec<_>>(), expected, "{:?}", filter);
        hits += found.len();
    }
    store.delete_collection(&collection).await.expect("answers");
    Ok(hits)
}

async fn filtered_lists_continue_over_many_pages(place: Place) {
    let store = place.open().await;
    let collection = name("default");
    for seed in 0..600 {
        let mut new = image(&format!("i{seed:03}"), seed);
        new.metadata = metadata(json!({"n": seed, "rare": seed % 100 == 99}));
        super::insert(&*store, &new).await;
    }
    // A negation is not translated: every page of candidates is read until enough are found.
    let rare =
        Filter::Not(Box::new(Filter::Field { path: vec!["rare".to_owned()], condition: Condition::Eq(json!(false)) }));
    let ids =
        |records: Vec<eyrie::domain::ImageRecord>| records.into_iter().map(|r| r.id.to_string()).collect::<Vec<_>>();
    let page = store.list(&collection, None, 4, Some(&rare)).await.expect("answers");
    assert_eq!(ids(page.clone()), ["i099", "i199", "i299", "i399"]);
    let page = store.list(&collection, Some(&page[3].id), 4, Some(&rare)).await.expect("answers");
    assert_eq!(ids(page), ["i499", "i599"]);
    let range = Filter::Field { path: vec!["n".to_owned()], condition: Condition::Gte(json!(595)) };
    let page = store.list(&collection, None, 3, Some(&range)).await.expect("answers");
    assert_eq!(ids(page), ["i595", "i596", "i597"]);
    assert_eq!(store.matching_keys(&collection, &range).await.expect("answers").len(), 5);
    assert_eq!(store.matching_keys(&name("none"), &range).await.expect("answers"), []);
}

async fn long_in_lists_and_many_conditions_are_answered(place: Place) {
    let store = place.open().await;
    for seed in 0..3 {
        super::insert(&*store, &image(&format!("i{seed}"), seed)).await;
    }
    let list = |length: u32| Filter::Field {
        path: vec!["seed".to_owned()],
        condition: Condition::In((1..=length).map(|n| json!(n)).collect()),
    };
    for filter in [
        list(64),
        list(65),
        list(256),
        Filter::Any(vec![list(64); 60]),
        Filter::All(vec![list(256); 60]),
        (0..7).fold(list(64), |inner, _| Filter::All(vec![Filter::Any(vec![inner])])),
    ] {
        let found = matching_ids(&*store, &name("default"), &filter).await;
        assert_eq!(found, [id("i1"), id("i2")]);
    }
}
