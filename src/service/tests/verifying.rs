//! The first results are compared with the query by real local features; the descriptors are the
//! test's.

use super::stand_in::with_picture;
use super::*;
use crate::domain::{Filter, FilterLimits, QueryRegion, Verdict};
use crate::store::{Images as _, NewImage, WriteOutcome};
use eyrie_vision::local::{LocalFeatures, VERIFIED_INLIERS};
use eyrie_vision::picture::PictureError;

const WIDTH: usize = 320;
const HEIGHT: usize = 240;

/// Rectangles of many sizes: another picture for every seed.
fn pixels(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut below = |end: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % end
    };
    let mut pixels = vec![128; WIDTH * HEIGHT];
    for _ in 0..200 {
        let (left, top, grey) = (below(WIDTH), below(HEIGHT), below(256) as u8);
        let (right, bottom) = ((left + 3 + below(40)).min(WIDTH), (top + 3 + below(40)).min(HEIGHT));
        for row in pixels.chunks_exact_mut(WIDTH).take(bottom).skip(top) {
            row[left..right].fill(grey);
        }
    }
    pixels
}

/// The picture of a seed with a descriptor that lies the farther from [`near`]`(0, _)`, the larger
/// `distance` is.
pub(super) fn near(distance: u8, seed: u64) -> Vec<u8> {
    with_picture([200, distance, 0, 0, 0, 0, 0, 0], WIDTH as u16, HEIGHT as u16, &pixels(seed))
}

/// The left part of that picture, with the descriptor of `near(0, _)`: so many hundredths of its
/// width.
pub(super) fn part(hundredths: usize, seed: u64) -> Vec<u8> {
    part_at(0, hundredths, seed)
}

/// The same with the descriptor of `near(distance, _)`.
pub(super) fn part_at(distance: u8, hundredths: usize, seed: u64) -> Vec<u8> {
    let width = WIDTH * hundredths / 100;
    let whole = pixels(seed);
    let cut: Vec<u8> = whole.chunks_exact(WIDTH).flat_map(|row| &row[..width]).copied().collect();
    with_picture([200, distance, 0, 0, 0, 0, 0, 0], width as u16, HEIGHT as u16, &cut)
}

fn verifying(verify: Verify, verify_candidates: usize) -> ServiceOptions {
    ServiceOptions {
        search: VerificationOptions { verify, verify_candidates, verify_reach: verify_candidates, expand: false },
        ..options()
    }
}

async fn fixture(candidates: usize) -> Fixture {
    Fixture::with_options(1, 64, Index::Flat, verifying(Verify::Auto, candidates)).await
}

async fn add(fixture: &Fixture, name: &str, bytes: &[u8]) {
    fixture.add_named(name, bytes, json!({})).await;
}

fn by_image(bytes: Vec<u8>, verify: Verify) -> SearchRequest {
    SearchRequest { verify: Some(verify), ..search_for(SearchQuery::Image(bytes.into(), None), 20) }
}

async fn answer(fixture: &Fixture, request: SearchRequest) -> SearchResponse {
    fixture.service.search(&default(), request).await.expect("an answer")
}

fn ids(response: &SearchResponse) -> Vec<&str> {
    response.hits.iter().map(|hit| hit.record.id.as_str()).collect()
}

/// Stores damaged features for an image that is there.
async fn damage(fixture: &Fixture, name: &str) {
    let record = fixture.store.get(&default(), &id(name)).await.expect("readable").expect("there");
    let stored = fixture.store.get_descriptor(&default(), &id(name)).await.expect("readable").expect("there").1;
    let damaged = NewImage {
        id: record.id,
        content_hash: record.content_hash,
        format: record.format,
        width: record.width,
        height: record.height,
        byte_size: record.byte_size,
        metadata: record.metadata,
        version: record.version,
        descriptor: stored.descriptor,
        thumbnail: fixture.store.get_thumbnail(&default(), &id(name)).await.expect("readable").expect("there"),
        local_features: b"EYLF, but not for long".to_vec(),
        original: None,
        stored_by: record.stored_by,
    };
    let outcome = fixture.store.put(&default(), &damaged, Precondition::None).await.expect("stored");
    assert!(matches!(outcome, WriteOutcome::Updated(_)), "{outcome:?}");
    fixture.service.refresh().await.expect("followed");
}

async fn has_features(fixture: &Fixture, name: &str) -> bool {
    let (key, _) = fixture.store.get_descriptor(&default(), &id(name)).await.expect("readable").expect("there");
    let stored = fixture.store.local_features(&[key]).await.expect("readable");
    stored.first().is_some_and(|(_, bytes)| LocalFeatures::decode(bytes).is_ok())
}

#[tokio::test]
async fn what_shows_the_same_thing_comes_before_what_only_looks_alike() {
    let fixture = fixture(100).await;
    add(&fixture, "alike", &near(0, 1)).await;
    add(&fixture, "same", &near(90, 2)).await;
    let query = part(70, 2);

    let never = answer(&fixture, by_image(query.clone(), Verify::Never)).await;
    assert_eq!(ids(&never), ["alike", "same"]);
    assert!(never.hits.iter().all(|hit| hit.verification.is_none()) && never.verification.is_none());

    for verify in [Verify::Auto, Verify::Always] {
        let verified = answer(&fixture, by_image(query.clone(), verify)).await;
        assert_eq!(ids(&verified), ["same", "alike"]);
        let [same, alike] = &verified.hits[..] else { panic!("two") };
        assert_eq!((same.rank, alike.rank), (1, 2));
        assert_eq!((same.score, alike.score), (never.hits[1].score, never.hits[0].score), "scores stay");
        let (found, other) = (same.verification.expect("compared"), alike.verification.expect("compared"));
        assert!(found.verified() && found.inliers >= VERIFIED_INLIERS, "{found:?}");
        assert!(!other.verified() && other.region.is_none(), "{other:?}");
        let effort = verified.verification.expect("it took time");
        assert!(effort.compared == 2 && effort.milliseconds > 0.0, "{effort:?}");
        // The query is the left 70 hundredths, so its right border is there in the whole picture.
        let [[left, ..], _, [right, _], _] = found.region.expect("verified").quad_in_query;
        let [[left_there, ..], _, [right_there, _], _] = found.region.expect("verified").quad_in_candidate;
        assert!((left * 0.7 - left_there).abs() < 0.01 && (right * 0.7 - right_there).abs() < 0.01, "{found:?}");
    }
}

#[tokio::test]
async fn a_region_of_the_query_is_compared_alone_and_matched_in_the_whole() {
    let fixture = fixture(100).await;
    // The stored picture is in the right half of the query, something else in the left one.
    add(&fixture, "right", &near(0, 2)).await;
    add(&fixture, "left", &near(90, 1)).await;
    let (left, right) = (pixels(1), pixels(2));
    let rows = left.chunks_exact(WIDTH).zip(right.chunks_exact(WIDTH));
    let collage: Vec<u8> = rows.flat_map(|(left, right)| [left, right].concat()).collect();
    let query = with_picture([200, 0, 0, 0, 0, 0, 0, 0], 2 * WIDTH as u16, HEIGHT as u16, &collage);
    let within = |region: [f64; 4]| {
        let region = QueryRegion::new(region).expect("inside");
        search_for(SearchQuery::Image(query.clone().into(), Some(region)), 20)
    };
    let found = answer(&fixture, within([0.5, 0.0, 0.5, 1.0])).await;
    let [right, left] = &found.hits[..] else { panic!("two") };
    assert_eq!((right.record.id.as_str(), right.verdict), ("right", Verdict::Same), "the verdict is that of the box");
    assert!(!left.verification.expect("compared").verified());
    let region = right.verification.and_then(|found| found.region).expect("verified");
    for ([x, y], [u, v]) in region.quad_in_candidate.into_iter().zip(region.quad_in_query) {
        assert!((u - 0.5 - x / 2.0).abs() < 0.005 && (v - y).abs() < 0.005, "{region:?}");
    }
    let refused = fixture.service.search(&default(), within([0.5, 0.0, 1e-6, 1.0])).await;
    assert!(
        matches!(refused, Err(ServiceError::Extract(PictureError::RegionTooSmall { width: 0, .. }))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_stored_image_is_compared_by_its_stored_features() {
    let fixture = fixture(100).await;
    add(&fixture, "alike", &near(0, 1)).await;
    add(&fixture, "same", &near(90, 2)).await;
    add(&fixture, "query", &part(80, 2)).await;
    let found = answer(&fixture, search_for(SearchQuery::Id(id("query")), 5)).await;
    assert_eq!(ids(&found), ["same", "alike"]);
    assert_eq!(found.verification.map(|effort| effort.compared), Some(2), "it is not compared with itself");
}

#[tokio::test]
async fn pages_cut_one_order_and_results_behind_the_window_keep_theirs() {
    let fixture = fixture(6).await;
    // The ranking by score is a to j; c, e and i show the query's picture, e more of it than c.
    for (place, name) in (0_u8..).zip(["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]) {
        let bytes = match name {
            "e" | "i" => near(place * 9, 50),
            "c" => {
                let mut pixels = pixels(50);
                pixels.chunks_exact_mut(WIDTH).for_each(|row| row[WIDTH / 2..].fill(128));
                with_picture([200, place * 9, 0, 0, 0, 0, 0, 0], WIDTH as u16, HEIGHT as u16, &pixels)
            }
            _ => near(place * 9, 100 + u64::from(place)),
        };
        add(&fixture, name, &bytes).await;
    }
    let query = || by_image(near(0, 50), Verify::Auto);
    let by_score = answer(&fixture, SearchRequest { verify: Some(Verify::Never), ..query() }).await;
    assert_eq!(ids(&by_score), ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]);
    let whole = answer(&fixture, query()).await;
    assert_eq!(ids(&whole), ["e", "c", "a", "b", "d", "f", "g", "h", "i", "j"]);
    assert_eq!(whole.hits.iter().filter(|hit| hit.verification.is_some()).count(), 6);
    assert!(whole.hits[6..].iter().all(|hit| hit.verification.is_none()), "i is behind the window");

    for size in [1, 2, 3, 4, 7] {
        let mut paged = Vec::new();
        for offset in (0..10).step_by(size) {
            let page = answer(&fixture, SearchRequest { k: size, offset, ..query() }).await;
            let compared = page.verification.expect("it can be verified").compared;
            assert_eq!(compared, if offset < 6 { 6 } else { 0 }, "pages of {size}, at {offset}");
            paged.extend(page.hits);
        }
        assert_eq!(paged, whole.hits, "pages of {size}");
    }
    assert!(answer(&fixture, SearchRequest { offset: 10, ..query() }).await.hits.is_empty());
}

#[tokio::test]
async fn a_lowest_score_and_a_filter_hold_for_verified_results_too() {
    let fixture = fixture(100).await;
    for (name, bytes, brand) in [("alike", near(0, 1), "x"), ("same", near(90, 2), "y"), ("far", near(200, 2), "x")] {
        fixture.add_named(name, &bytes, json!({ "brand": brand })).await;
    }
    let query = || by_image(part(80, 2), Verify::Auto);
    let all = answer(&fixture, query()).await;
    assert_eq!(ids(&all), ["same", "far", "alike"]);
    let bound = all.hits[0].score;
    assert_eq!(ids(&answer(&fixture, SearchRequest { min_score: Some(bound), ..query() }).await), ["same", "alike"]);
    let brand = Filter::parse(&json!({"field": "brand", "eq": "x"}), FilterLimits::default()).expect("valid");
    assert_eq!(ids(&answer(&fixture, SearchRequest { filter: Some(brand), ..query() }).await), ["far", "alike"]);
}

#[tokio::test]
async fn a_query_without_features_is_not_verified_or_is_refused_as_asked() {
    let fixture = fixture(100).await;
    add(&fixture, "a", &near(0, 1)).await;
    add(&fixture, "b", &near(9, 1)).await;
    damage(&fixture, "a").await;
    let with = |query: SearchQuery, verify| SearchRequest { verify, ..search_for(query, 5) };
    let values = stand_in::values(&[200]);
    for query in [SearchQuery::Descriptor(values, None), SearchQuery::Id(id("a"))] {
        let found = answer(&fixture, with(query.clone(), None)).await;
        assert!(found.verification.is_none() && found.hits.iter().all(|hit| hit.verification.is_none()));
        let refused = fixture.service.search(&default(), with(query, Some(Verify::Always))).await;
        assert!(matches!(refused, Err(ServiceError::NotVerifiable(_))), "{refused:?}");
    }
    let found = answer(&fixture, with(SearchQuery::Id(id("b")), Some(Verify::Always))).await;
    assert_eq!(found.hits[0].verification, None, "a cannot be compared");
    assert_eq!(found.verification.map(|effort| effort.compared), Some(0));
}

#[tokio::test]
async fn the_configuration_can_switch_it_off_or_leave_it_to_the_search() {
    let off = fixture(0).await;
    add(&off, "same", &near(90, 2)).await;
    let found = answer(&off, by_image(near(0, 2), Verify::Auto)).await;
    assert!(found.verification.is_none() && found.hits[0].verification.is_none());
    let refused = off.service.search(&default(), by_image(near(0, 2), Verify::Always)).await;
    assert!(matches!(refused, Err(ServiceError::NotVerifiable(_))), "{refused:?}");

    let silent = Fixture::with_options(1, 64, Index::Flat, verifying(Verify::Never, 20)).await;
    add(&silent, "same", &near(90, 2)).await;
    let unverified = answer(&silent, search_for(SearchQuery::Image(near(0, 2).into(), None), 5)).await;
    assert!(unverified.verification.is_none());
    assert!(answer(&silent, by_image(near(0, 2), Verify::Auto)).await.verification.is_some());
}

#[tokio::test]
async fn candidates_that_are_gone_or_damaged_hinder_no_other() {
    let fixture = fixture(100).await;
    for (place, name) in (0_u8..).zip(["gone", "damaged", "plain", "same"]) {
        add(&fixture, name, &near(place * 9, if name == "plain" { 7 } else { 2 })).await;
    }
    damage(&fixture, "damaged").await;
    // Past the index, which still names it.
    fixture.store.delete(&default(), &id("gone"), Precondition::None).await.expect("deleted");
    let found = answer(&fixture, by_image(part(80, 2), Verify::Always)).await;
    assert_eq!(ids(&found), ["same", "damaged", "plain"]);
    let looked_at: Vec<_> = found.hits.iter().map(|hit| hit.verification.map(|verdict| verdict.verified())).collect();
    assert_eq!(looked_at, [Some(true), None, Some(false)]);
    assert_eq!(found.verification.map(|effort| effort.compared), Some(2));
}

#[tokio::test]
async fn an_image_whose_features_cannot_be_read_gets_new_ones_when_it_is_stored_again() {
    let fixture = fixture(100).await;
    let bytes = near(0, 1);
    add(&fixture, "a", &bytes).await;
    assert!(has_features(&fixture, "a").await);
    assert_eq!(fixture.control.begun(), 1);

    damage(&fixture, "a").await;
    let again = fixture.service.add_image(&default(), image(&bytes, Value::Null)).await.expect("added").outcome;
    assert!(matches!(again, AddOutcome::Existing(record) if record.id == id("a")));
    assert!(has_features(&fixture, "a").await);
    assert_eq!(fixture.control.begun(), 2);

    damage(&fixture, "a").await;
    let put = fixture.service.put_image(&default(), to_put("a", &bytes, json!({})), Precondition::None).await;
    assert!(matches!(put.expect("stored").outcome, PutOutcome::Updated(_)));
    assert!(has_features(&fixture, "a").await);
    assert_eq!(fixture.control.begun(), 3);

    // Once more, and nothing is to be done.
    fixture.service.add_image(&default(), image(&bytes, Value::Null)).await.expect("added");
    assert_eq!(fixture.control.begun(), 3);
}

#[tokio::test]
async fn a_database_that_cannot_be_read_fails_the_search() {
    let fixture = fixture(100).await;
    add(&fixture, "a", &near(0, 1)).await;
    fixture.store.fail("local_features");
    let failed = fixture.service.search(&default(), by_image(near(0, 1), Verify::Auto)).await;
    assert!(matches!(failed, Err(ServiceError::Store(_))), "{failed:?}");
    assert_eq!(ids(&answer(&fixture, by_image(near(0, 1), Verify::Never)).await), ["a"]);
}

#[tokio::test]
async fn what_is_near_to_what_was_found_comes_before_what_is_near_to_the_query() {
    let expanding = |expand| ServiceOptions {
        search: VerificationOptions { verify: Verify::Auto, verify_candidates: 4, verify_reach: 4, expand },
        ..options()
    };
    for (expand, order) in [
        (false, ["same", "nearer", "beside", "other", "behind"]),
        (true, ["same", "beside", "nearer", "other", "behind"]),
    ] {
        let fixture = Fixture::with_options(1, 64, Index::Flat, expanding(expand)).await;
        // The query lies between the nearer one and the others: at 40 of a quarter turn.
        for (name, place, seed) in
            [("nearer", 22, 11), ("same", 60, 2), ("beside", 62, 12), ("other", 90, 13), ("behind", 120, 14)]
        {
            add(&fixture, name, &near(place, seed)).await;
        }
        let found = answer(&fixture, by_image(part_at(40, 80, 2), Verify::Auto)).await;
        assert_eq!(ids(&found), order);
        let scores: Vec<f32> = found.hits.iter().map(|hit| hit.score).collect();
        assert_eq!(scores[1] < scores[2], expand, "scores are those of the query: {scores:?}");
        let page = SearchRequest { offset: 2, k: 2, ..by_image(part_at(40, 80, 2), Verify::Auto) };
        assert_eq!(ids(&answer(&fixture, page).await), order[2..4]);
    }
}

#[tokio::test]
async fn what_has_cells_in_common_comes_before_what_only_looks_alike_and_speaks_for_others() {
    let picture =
        |x, y, kind, seed| with_picture([200, x, y, 0, 0, 0, 0, kind], WIDTH as u16, HEIGHT as u16, &pixels(seed));
    let ordering = |expand| ServiceOptions {
        search: VerificationOptions { verify: Verify::Auto, verify_candidates: 5, verify_reach: 5, expand },
        ..options()
    };
    for (expand, order) in
        [(false, ["seen", "alike", "between", "far", "none"]), (true, ["seen", "between", "alike", "far", "none"])]
    {
        let fixture = Fixture::with_options(1, 64, Index::Flat, ordering(expand)).await;
        // The one that is seen to be alike lies in the direction of x, the one that only looks so in that of y.
        for (name, x, y, kind, seed) in [
            ("alike", 0, 80, 2, 11),
            ("between", 100, 0, 2, 12),
            ("seen", 150, 0, 1, 13),
            ("far", 180, 120, 2, 14),
            ("none", 0, 250, 0, 15),
        ] {
            add(&fixture, name, &picture(x, y, kind, seed)).await;
        }
        let found = answer(&fixture, by_image(picture(0, 0, 1, 2), Verify::Auto)).await;
        assert_eq!(ids(&found), order);
        assert!(found.hits.iter().all(|hit| !hit.verification.expect("compared").verified()), "no verdict follows");
        let never = answer(&fixture, by_image(picture(0, 0, 1, 2), Verify::Never)).await;
        assert_eq!(ids(&never), ["alike", "between", "seen", "far", "none"]);
    }
}

#[tokio::test]
async fn where_nothing_is_verified_it_looks_further_down() {
    let search = VerificationOptions { verify: Verify::Auto, verify_candidates: 2, verify_reach: 5, expand: false };
    let fixture = Fixture::with_options(1, 64, Index::Flat, ServiceOptions { search, ..options() }).await;
    // From near to far: the same thing is the fourth, and the sixth.
    for (place, seed) in (0_u8..).zip([11, 12, 13, 2, 14, 2, 15]) {
        add(&fixture, &format!("p{place}"), &near(place * 9, seed)).await;
    }
    let found = answer(&fixture, by_image(part(80, 2), Verify::Auto)).await;
    assert_eq!(ids(&found), ["p3", "p0", "p1", "p2", "p4", "p5", "p6"]);
    assert_eq!(found.verification.map(|effort| effort.compared), Some(5));
    let page = SearchRequest { offset: 3, k: 3, ..by_image(part(80, 2), Verify::Auto) };
    assert_eq!(ids(&answer(&fixture, page).await), ["p2", "p4", "p5"], "a later page is of the same order");

    // One of the first two shows it: the others stay as they are.
    add(&fixture, "p00", &near(1, 2)).await;
    let found = answer(&fixture, by_image(part(80, 2), Verify::Auto)).await;
    assert_eq!(ids(&found)[..5], ["p00", "p0", "p1", "p2", "p3"]);
    assert_eq!(found.verification.map(|effort| effort.compared), Some(2));
}
