//! What searches answer and what they refuse.

use super::*;
use crate::domain::{Descriptor, DescriptorVersion, Filter, FilterLimits, Profile};
use crate::store::Images as _;

fn filter(value: Value) -> Filter {
    Filter::parse(&value, FilterLimits::default()).expect("valid filter")
}

async fn three(index: Index) -> Fixture {
    let fixture = Fixture::with(1, 64, index).await;
    for (name, bytes, brand) in [("a", [90, 0, 0], "x"), ("b", [90, 30, 0], "y"), ("c", [0, 90, 0], "x")] {
        fixture.add_named(name, &bytes, json!({ "brand": brand })).await;
    }
    fixture
}

#[tokio::test]
async fn every_kind_of_query_ranks_by_similarity() {
    for index in [Index::Flat, Index::Graph] {
        let fixture = three(index).await;
        let by_image = search_for(SearchQuery::Image(vec![90, 0, 0].into(), None), 3);
        let response = fixture.service.search(&default(), by_image).await.expect("an answer");
        let ranked: Vec<_> = response.hits.iter().map(|hit| (hit.rank, hit.record.id.as_str())).collect();
        assert_eq!(ranked, [(1, "a"), (2, "b"), (3, "c")]);
        assert!((response.hits[0].score - 1.0).abs() < 1e-6);
        assert!(response.hits[0].score > response.hits[1].score && response.hits[1].score > response.hits[2].score);
        assert_eq!(response.version, fixture.service.version(Profile::Rnip));
        assert_eq!(response.cost.map(|cost| cost.passes), Some(1));

        let by_descriptor = fixture.service.search(&default(), like(&[0, 90, 0], 2)).await.expect("an answer");
        assert_eq!(by_descriptor.cost, None);
        let ids: Vec<_> = by_descriptor.hits.iter().map(|hit| hit.record.id.as_str()).collect();
        assert_eq!(ids, ["c", "b"]);

        let by_id = search_for(SearchQuery::Id(id("a")), 3);
        assert_eq!(found(&fixture.service, by_id).await, [id("b"), id("c")], "an image is not its own result");
    }
}

/// What fills a part of a query is nearer to that part and the whole together than to the whole; what
/// is stored is looked at as a whole.
#[tokio::test]
async fn a_query_image_is_searched_by_its_parts_too() {
    let fixture = three(Index::Graph).await;
    let whole = [0, 90, 30, 0, 0, 0, 0, 0];
    let query = stand_in::with_parts(whole, &[[90, 0, 0, 0, 0, 0, 0, 0], [0, 0, 90, 0, 0, 0, 0, 0]]);
    let by_image = |bytes: &[u8]| search_for(SearchQuery::Image(bytes.to_vec().into(), None), 3);
    let hits = |response: SearchResponse| -> Vec<(String, f32)> {
        response.hits.iter().map(|hit| (hit.record.id.to_string(), hit.score)).collect()
    };
    let plain = hits(fixture.service.search(&default(), by_image(&whole)).await.expect("an answer"));
    let looked = hits(fixture.service.search(&default(), by_image(&query)).await.expect("an answer"));
    assert_eq!(plain[0], looked[0], "the whole is one of the looks");
    let score = |hits: &[(String, f32)], id: &str| hits.iter().find(|(other, _)| other == id).expect("found").1;
    let of = |bytes: &[u8]| Descriptor::new(stand_in::values(bytes), stand_in::DIMENSION).expect("valid");
    let look = Descriptor::mean(&[of(&whole), of(&[90, 0, 0])]).expect("a direction");
    assert!((score(&looked, "a") - look.cosine(&of(&[90, 0, 0]))).abs() < 1e-6);
    assert!(score(&looked, "a") > score(&plain, "a") + 0.3, "{plain:?} {looked:?}");

    // Every part of every picture of a query.
    let pictures = SearchQuery::Images(vec![whole.to_vec().into(), query.into()]);
    let several = hits(fixture.service.search(&default(), search_for(pictures, 3)).await.expect("an answer"));
    assert!((score(&several, "a") - score(&looked, "a")).abs() < 1e-6);

    fixture.add_named("whole", &stand_in::with_parts(whole, &[[90; 8]]), json!({})).await;
    let stored = hits(fixture.service.search(&default(), by_image(&whole)).await.expect("an answer"));
    assert_eq!(stored[0].0, "whole");
    assert!((stored[0].1 - 1.0).abs() < 1e-6);
}

#[tokio::test]
async fn an_offset_pages_through_the_same_ranking() {
    let fixture = three(Index::Graph).await;
    let second = SearchRequest { offset: 1, ..like(&[90, 0, 0], 1) };
    let hits = fixture.service.search(&default(), second).await.expect("an answer").hits;
    assert_eq!((hits[0].rank, hits[0].record.id.clone(), hits.len()), (2, id("b"), 1));
    let beyond = SearchRequest { offset: 3, ..like(&[90, 0, 0], 1) };
    assert!(found(&fixture.service, beyond).await.is_empty());
    let of_id = SearchRequest { offset: 1, ..search_for(SearchQuery::Id(id("a")), 5) };
    assert_eq!(found(&fixture.service, of_id).await, [id("c")]);
}

#[tokio::test]
async fn filters_and_a_minimal_score_leave_out_the_rest() {
    let fixture = three(Index::Graph).await;
    let of_brand = |brand: &str| filter(json!({"field": "brand", "eq": brand}));
    let only_x = SearchRequest { filter: Some(of_brand("x")), ..like(&[90, 0, 0], 3) };
    assert_eq!(found(&fixture.service, only_x).await, [id("a"), id("c")]);
    let none = SearchRequest { filter: Some(of_brand("z")), ..like(&[90, 0, 0], 3) };
    assert!(found(&fixture.service, none).await.is_empty());
    let near = SearchRequest { min_score: Some(0.999), ..like(&[90, 0, 0], 3) };
    assert_eq!(found(&fixture.service, near).await, [id("a")]);
    let after = Some(Position { time: None, id: id("a") });
    let (name, order) = (default(), Order::default());
    let listed = fixture.service.list_images(&name, order, after, 5, Some(of_brand("x"))).await.expect("listed");
    assert_eq!(listed.iter().map(|r| r.id.as_str()).collect::<Vec<_>>(), ["c"]);
}

#[tokio::test]
async fn equal_scores_are_ordered_by_id() {
    let fixture = Fixture::with(1, 64, Index::Flat).await;
    for name in ["c", "a", "b"] {
        // Beyond the eighth byte the images differ, but not their descriptors.
        let bytes = [b"12345678", name.as_bytes()].concat();
        fixture.add_named(name, &bytes, json!({})).await;
    }
    assert_eq!(found(&fixture.service, like(b"12345678", 3)).await, [id("a"), id("b"), id("c")]);
}

#[tokio::test]
async fn of_many_that_tie_across_the_end_of_a_page_the_lowest_ids_are_on_it() {
    for index in [Index::Flat, Index::Graph] {
        let fixture = Fixture::with(1, 64, index).await;
        fixture.add_named("near", b"12345670", json!({})).await;
        // Stored in falling order of id, so the order of their keys is the other way round.
        for n in (10..50).rev() {
            fixture.add_named(&format!("i{n}"), format!("12345678{n}").as_bytes(), json!({})).await;
        }
        for (offset, k) in [(0, 3), (3, 7), (35, 5)] {
            let page = SearchRequest { offset, verify: Some(Verify::Never), ..like(b"12345678", k) };
            let expected: Vec<_> = (10 + offset..10 + offset + k).map(|n| id(&format!("i{n}"))).collect();
            assert_eq!(found(&fixture.service, page).await, expected, "{index:?}, {k} from {offset}");
        }
        let last = SearchRequest { offset: 39, verify: Some(Verify::Never), ..like(b"12345678", 5) };
        assert_eq!(found(&fixture.service, last).await, [id("i49"), id("near")]);
    }
}

#[tokio::test]
async fn a_change_of_metadata_moves_an_image_in_and_out_of_a_filter_at_once() {
    let fixture = three(Index::Graph).await;
    let only_x =
        || SearchRequest { filter: Some(filter(json!({"field": "brand", "eq": "x"}))), ..like(&[90, 0, 0], 3) };
    assert_eq!(found(&fixture.service, only_x()).await, [id("a"), id("c")]);
    for (brand, expected) in [("x", vec![id("a"), id("b"), id("c")]), ("z", vec![id("a"), id("c")])] {
        let patch = serde_json::Map::from_iter([("brand".to_owned(), json!(brand))]);
        fixture.service.patch_metadata(&default(), &id("b"), patch, Precondition::None).await.expect("patched");
        assert_eq!(found(&fixture.service, only_x()).await, expected);
    }
}

#[tokio::test]
async fn a_filter_is_read_from_the_database_once_until_something_changes() {
    let fixture = three(Index::Graph).await;
    let of = |brand: &str| SearchRequest {
        filter: Some(filter(json!({"field": "brand", "eq": brand}))),
        ..like(&[90, 0, 0], 3)
    };
    for _ in 0..3 {
        found(&fixture.service, of("x")).await;
        found(&fixture.service, of("y")).await;
    }
    assert_eq!(fixture.store.calls("matching_keys"), 2, "one for each filter");
    fixture.add_named("d", &[90, 1, 0], json!({"brand": "x"})).await;
    assert_eq!(found(&fixture.service, of("x")).await, [id("a"), id("d"), id("c")]);
    found(&fixture.service, of("x")).await;
    assert_eq!(fixture.store.calls("matching_keys"), 3);
    // More filters than are remembered: the one that was not used for longest is read again, the
    // latest is not.
    for n in 0..16 {
        found(&fixture.service, of(&n.to_string())).await;
    }
    let before = fixture.store.calls("matching_keys");
    found(&fixture.service, of("15")).await;
    assert_eq!(fixture.store.calls("matching_keys"), before);
    found(&fixture.service, of("x")).await;
    assert_eq!(fixture.store.calls("matching_keys"), before + 1);
}

#[tokio::test]
async fn an_empty_collection_answers_and_an_unknown_one_does_not() {
    let fixture = Fixture::new().await;
    assert!(found(&fixture.service, like(b"a", 5)).await.is_empty());
    let nowhere = CollectionName::new("nowhere").expect("valid");
    let unknown = fixture.service.search(&nowhere, like(b"a", 5)).await;
    assert!(matches!(unknown, Err(ServiceError::UnknownCollection(_))), "{unknown:?}");
    let no_image = fixture.service.search(&default(), search_for(SearchQuery::Id(id("x")), 5)).await;
    assert!(matches!(no_image, Err(ServiceError::UnknownImage(_))), "{no_image:?}");
}

#[tokio::test]
async fn numbers_outside_their_range_are_refused_by_name() {
    let fixture = Fixture::new().await;
    let cases = [
        ("k", like(b"a", 0)),
        ("k", like(b"a", 101)),
        ("k", like(b"a", usize::MAX)),
        ("offset", SearchRequest { offset: 91, ..like(b"a", 10) }),
        ("offset", SearchRequest { offset: usize::MAX, ..like(b"a", 10) }),
        ("min_score", SearchRequest { min_score: Some(1.1), ..like(b"a", 10) }),
        ("min_score", SearchRequest { min_score: Some(f32::NAN), ..like(b"a", 10) }),
        ("ef", SearchRequest { ef: Some(0), ..like(b"a", 10) }),
        ("ef", SearchRequest { ef: Some(1_000_000), ..like(b"a", 10) }),
    ];
    for (wrong, request) in cases {
        let refused = fixture.service.search(&default(), request).await;
        assert!(matches!(&refused, Err(ServiceError::OutOfRange { name, .. }) if *name == wrong), "{refused:?}");
    }
    let widest = SearchRequest { offset: 90, ef: Some(64), min_score: Some(-1.0), exact: true, ..like(b"a", 10) };
    assert!(found(&fixture.service, widest).await.is_empty());
}

#[tokio::test]
async fn a_query_descriptor_has_the_right_length_values_and_version() {
    let fixture = Fixture::new().await;
    let search = |values, version| {
        let request = search_for(SearchQuery::Descriptor(values, version), 1);
        let service = Arc::clone(&fixture.service);
        async move { service.search(&default(), request).await }
    };
    assert!(matches!(search(vec![1.0; 7], None).await, Err(ServiceError::Descriptor(_))));
    let mut values = vec![1.0; DIMENSION];
    values[3] = f32::INFINITY;
    assert!(matches!(search(values, None).await, Err(ServiceError::Descriptor(_))));
    assert!(matches!(search(vec![0.0; DIMENSION], None).await, Err(ServiceError::Descriptor(_))));
    let current = fixture.service.version(Profile::Rnip);
    assert!(search(vec![1.0; DIMENSION], Some(current)).await.is_ok());
    let fast = DescriptorVersion::new(MODEL, Profile::Fast);
    assert!(matches!(search(vec![1.0; DIMENSION], Some(fast)).await, Err(ServiceError::VersionMismatch { .. })));
}

#[tokio::test]
async fn images_that_another_process_deleted_leave_no_gap_in_a_page() {
    let fixture = Fixture::new().await;
    for n in 0_u8..30 {
        fixture.service.add_image(&default(), named(&format!("i{n:02}"), &[100, n])).await.expect("added");
    }
    // Past the index: more than a search can replace by its spare neighbours.
    for n in 0..20 {
        fixture.store.delete(&default(), &id(&format!("i{n:02}")), Precondition::None).await.expect("deleted");
    }
    let expected: Vec<_> = (20..25).map(|n| id(&format!("i{n:02}"))).collect();
    assert_eq!(found(&fixture.service, like(&[100, 0], 5)).await, expected);
}

#[tokio::test]
async fn groups_are_found_behind_many_images_of_one_group() {
    let fixture = Fixture::new().await;
    for n in 0..60_u8 {
        fixture.add_with(&[100, n, 1], json!({"g": "crowd"})).await;
    }
    fixture.add_named("far", &[1, 200, 1], json!({"g": "far"})).await;
    fixture.add_named("alone", &[1, 1, 200], json!({})).await;
    let group_by = Some(crate::domain::FieldPath::parse("g").expect("a path"));
    let request = SearchRequest { group_by, verify: Some(Verify::Never), ..like(&[100, 1, 1], 3) };
    let hits = fixture.service.search(&default(), request).await.expect("an answer").hits;
    let groups: Vec<_> = hits.iter().map(|hit| hit.record.metadata.as_map().get("g").cloned()).collect();
    assert_eq!(groups.len(), 3, "{groups:?}");
    assert_eq!(groups[0], Some(json!("crowd")));
    assert!(groups.contains(&Some(json!("far"))) && groups.contains(&None), "{groups:?}");
}
