//! Whether two pictures show the same thing, and where.
//!
//! A feature has a position, a scale and an angle, so a single match already tells how the
//! candidate would have to be shifted, scaled and turned to lie on the query (J. Philbin et al.,
//! "Object retrieval with large vocabularies and fast spatial matching", 2007, section 4). Every
//! match is tried, so nothing is drawn at random; the trials that most matches agree with are
//! refined to an affine map and then to a homography, by least squares with narrowing tolerance.

use super::agreement::{Agreement, agreement};
use super::angle::{UNIT, apart, direction};
use super::features::{Feature, LocalFeatures};
use super::geometry::{Map, Point, affine, homography, is_plausible, is_spread};
use super::matching::{Match, matches};
use super::params::{LEVEL_RATIO, LEVELS};
use super::region::MatchedRegion;
use crate::picture::{Decoded, PictureError, QueryRegion};

/// So many inliers make a match; fewer are what pictures of different things share by chance.
///
/// Chosen by measurement on wrong pairs, see `docs/VERIFICATION.md`.
pub const VERIFIED_INLIERS: usize = 9;

/// With so many a picture is not compared mirrored as well.
const CERTAIN_INLIERS: usize = 15;
/// So many features of a query are compared mirrored at first, and all of them only if these have so
/// many inliers: hardly any candidate is a mirrored one.
const MIRRORED_FEATURES: usize = 500;
const MIRRORED_INLIERS: usize = 5;

/// Matches that are tried as a first guess, the nearest first.
const GUESSES: usize = 200;
/// Guesses that are refined, the most agreed with first.
const REFINED: usize = 5;
/// A match agrees with a guess within this many pixels of the query's working picture: perspective
/// bends that far.
const GUESS_TOLERANCE: f64 = 25.0;
/// An inlier lies within this many pixels of where the final map puts it.
const INLIER_TOLERANCE: f64 = 5.0;
/// Each refinement multiplies the tolerance by this until it is the final one.
const NARROWING: f64 = 0.75;
const REFINEMENTS: usize = 6;
/// Two matches agree if their turns differ by at most this, in 1/256 of a full turn.
const TURN_TOLERANCE: u8 = 28;
/// Two matches agree if their scales differ by at most so many levels.
const LEVEL_TOLERANCE: i32 = 2;
/// Inliers nearer than this to another, in pixels of either picture, are the same spot and count
/// once.
const SAME_SPOT: f64 = 6.0;

/// A spot that two pictures show, (x, y) in fractions of the picture's width and height.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spot {
    /// Where it is in the query.
    pub in_query: [f64; 2],
    /// Where it is in the candidate.
    pub in_candidate: [f64; 2],
}

/// What comparing two pictures gives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verification {
    /// Spots of the two pictures that look alike and lie alike; 0 where no believable map was
    /// found.
    pub inliers: usize,
    /// Where; only if there are at least [`VERIFIED_INLIERS`].
    pub region: Option<MatchedRegion>,
    /// Whether neither picture has a feature, and their pixels differ.
    pub differing_blanks: bool,
    /// How the pixels agree where they are verified; `None` where they were not compared.
    pub agreement: Option<Agreement>,
    /// Whether the candidate shows it mirrored.
    pub mirrored: bool,
    /// Where they are not verified, and both have cells: how many look and lie alike.
    pub cells: usize,
    /// What the query looking like this candidate, and not like others that were verified, adds to
    /// the log-odds: in an order, and in [`Self::confidence`], where what speaks against the
    /// candidate counts less; see [`super::contrasts`].
    pub contrast: f64,
}

impl Verification {
    /// What a picture has that could not be compared, or that was compared in vain.
    pub const NOTHING: Self = Self {
        inliers: 0,
        region: None,
        differing_blanks: false,
        agreement: None,
        mirrored: false,
        cells: 0,
        contrast: 0.0,
    };

    /// Whether the pictures show the same thing.
    #[must_use]
    pub fn verified(&self) -> bool {
        self.region.is_some()
    }

    /// Whether it says more than another one: verified, with more inliers; or if neither is, with
    /// more cells.
    #[must_use]
    pub fn is_more_than(&self, other: &Self) -> bool {
        let rank = |found: &Self| if found.verified() { (1, found.inliers) } else { (0, found.cells) };
        rank(self) > rank(other)
    }

    /// The same, where the query was the mirrored one: as it lies in the query itself.
    fn mirrored(self) -> Self {
        Self { region: self.region.map(MatchedRegion::in_mirrored_query), mirrored: true, ..self }
    }

    /// The same with a look at the pixels of the two pictures, where they are verified. Small
    /// pictures do: nothing finer than 192 pixels is looked at.
    ///
    /// # Errors
    /// [`PictureError::Internal`] when pixels do not have the length that their sides say.
    pub fn looked_at(self, query: &Decoded, candidate: &Decoded) -> Result<Self, PictureError> {
        let agreement = match &self.region {
            Some(region) => agreement(query, candidate, region)?,
            None => None,
        };
        Ok(Self { agreement, ..self })
    }

    /// The same, where the query was the part `region` of a picture: as it lies in that whole
    /// picture.
    #[must_use]
    pub fn in_whole_query(self, region: QueryRegion) -> Self {
        Self { region: self.region.map(|found| found.in_whole_query(region)), ..self }
    }
}

/// Compares two pictures by their local features.
///
/// The result depends on the arguments alone: nothing is drawn at random.
#[must_use]
pub fn match_pair(query: &LocalFeatures, candidate: &LocalFeatures) -> Verification {
    let found = compared(query, candidate).0;
    match (&query.cells, &candidate.cells) {
        (Some(own), Some(other)) if !found.verified() => Verification { cells: own.alike(other), ..found },
        _ => found,
    }
}

/// The same for a candidate that may show the query mirrored: compares it with the mirrored query
/// too where little else is found, and gives what has more inliers.
#[must_use]
pub fn match_mirrored(query: &LocalFeatures, candidate: &LocalFeatures) -> Verification {
    let found = match_pair(query, candidate);
    if found.inliers >= CERTAIN_INLIERS {
        return found;
    }
    match may_be_mirrored(query, candidate).then(|| match_pair(&query.mirror(), candidate)) {
        Some(mirrored) if mirrored.is_more_than(&found) => mirrored.mirrored(),
        Some(_) | None => found,
    }
}

/// Whether enough of the strongest features of the query may be in the candidate, mirrored.
fn may_be_mirrored(query: &LocalFeatures, candidate: &LocalFeatures) -> bool {
    compared(&query.strongest(MIRRORED_FEATURES).mirror(), candidate).0.inliers >= MIRRORED_INLIERS
}

/// [`match_mirrored`], and the spots that it counts as inliers; none where it is not verified.
#[must_use]
pub fn match_spots(query: &LocalFeatures, candidate: &LocalFeatures) -> (Verification, Vec<Spot>) {
    let (found, spots) = with_spots(query, candidate);
    if found.inliers >= CERTAIN_INLIERS || !may_be_mirrored(query, candidate) {
        return (found, spots);
    }
    let (mirrored, mut mirrored_spots) = with_spots(&query.mirror(), candidate);
    if !mirrored.is_more_than(&found) {
        return (found, spots);
    }
    mirrored_spots.iter_mut().for_each(|spot| spot.in_query[0] = 1.0 - spot.in_query[0]);
    (mirrored.mirrored(), mirrored_spots)
}

fn with_spots(query: &LocalFeatures, candidate: &LocalFeatures) -> (Verification, Vec<Spot>) {
    let (found, pairs) = compared(query, candidate);
    let fraction = |(x, y): Point, (width, height): (f64, f64)| [x / width, y / height];
    let spot = |(from, to): (Point, Point)| Spot {
        in_query: fraction(to, query.size()),
        in_candidate: fraction(from, candidate.size()),
    };
    let spots = if found.verified() { pairs.into_iter().map(spot).collect() } else { Vec::new() };
    (found, spots)
}

/// The verification, and the inliers in pixels of the working pictures.
fn compared(query: &LocalFeatures, candidate: &LocalFeatures) -> (Verification, Vec<(Point, Point)>) {
    if let (Some(a), Some(b)) = (query.blank, candidate.blank) {
        return (Verification { differing_blanks: a != b, ..Verification::NOTHING }, Vec::new());
    }
    let positions = candidate.positions();
    let matches = matches(&query.features, &candidate.features, &positions);
    let to = query.positions();
    let links: Vec<Link> = matches.iter().map(|m| Link::new(m, query, candidate, &positions, &to)).collect();
    let Some(found) = best_map(&links) else { return (Verification::NOTHING, Vec::new()) };
    let inliers = found.inliers.len();
    let region = (inliers >= VERIFIED_INLIERS).then(|| region(&found, &links, query, candidate));
    (Verification { inliers, region: region.flatten(), ..Verification::NOTHING }, found.inliers)
}

/// A match as geometry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    /// Position in the candidate, pixels of its working picture.
    pub(super) from: Point,
    /// Position in the query, pixels of its working picture.
    pub(super) to: Point,
    /// From the candidate to the query, in 1/256 of a full turn.
    pub(super) turn: u8,
    /// From the candidate to the query, in levels.
    pub(super) levels: i32,
}

impl Link {
    fn new(m: &Match, query: &LocalFeatures, candidate: &LocalFeatures, from: &[Point], to: &[Point]) -> Self {
        let (q, c): (&Feature, &Feature) = (&query.features[m.query], &candidate.features[m.candidate]);
        Self {
            from: from[m.candidate],
            to: to[m.query],
            turn: q.angle.wrapping_sub(c.angle),
            levels: i32::from(q.level) - i32::from(c.level),
        }
    }

    /// The shift, scale and turn that this match alone speaks for.
    fn similarity(&self) -> Map {
        let (c, s) = direction(self.turn);
        let scale = scale_of(self.levels) / f64::from(UNIT);
        let (c, s) = (f64::from(c) * scale, f64::from(s) * scale);
        let ((x, y), (u, v)) = (self.from, self.to);
        Map([c, -s, u - c * x + s * y, s, c, v - s * x - c * y, 0.0, 0.0, 1.0])
    }

    /// Whether another match speaks for about the same turn and scale.
    fn agrees(&self, other: &Self) -> bool {
        apart(self.turn, other.turn) <= TURN_TOLERANCE && (self.levels - other.levels).abs() <= LEVEL_TOLERANCE
    }

    fn is_mapped(&self, map: &Map, tolerance: f64) -> bool {
        map.apply(self.from).is_some_and(|(x, y)| {
            let (dx, dy) = (x - self.to.0, y - self.to.1);
            dx * dx + dy * dy <= tolerance * tolerance
        })
    }
}

/// The factor between two levels that are `levels` apart.
fn scale_of(levels: i32) -> f64 {
    const POWERS: [f64; LEVELS] = {
        let mut powers = [1.0; LEVELS];
        let mut i = 1;
        while i < LEVELS {
            powers[i] = powers[i - 1] * LEVEL_RATIO;
            i += 1;
        }
        powers
    };
    let power = POWERS[levels.unsigned_abs() as usize];
    if levels < 0 { 1.0 / power } else { power }
}

/// A map and the links that follow it.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) map: Map,
    pub(super) followers: Vec<usize>,
    /// One pair for each spot that links follow it from and to.
    pub(super) inliers: Vec<(Point, Point)>,
}

/// The map from candidate to query that most links follow, in pixels.
pub(super) fn best_map(links: &[Link]) -> Option<Found> {
    let mut guesses: Vec<(usize, usize)> = (0..links.len().min(GUESSES))
        .map(|seed| (following(links, seed, &links[seed].similarity(), GUESS_TOLERANCE).count(), seed))
        .collect();
    guesses.sort_by_key(|&(agreed, seed)| (std::cmp::Reverse(agreed), seed));
    let mut best: Option<Found> = None;
    for (agreed, seed) in guesses.into_iter().take(REFINED) {
        if agreed <= best.as_ref().map_or(3, |b| b.inliers.len()) {
            break;
        }
        if let Some(found) = refined(links, seed)
            && best.as_ref().is_none_or(|b| found.inliers.len() > b.inliers.len())
        {
            best = Some(found);
        }
    }
    best
}

/// The links that agree with the link `seed` and follow a map.
fn following(links: &[Link], seed: usize, map: &Map, tolerance: f64) -> impl Iterator<Item = usize> {
    let seed = links[seed];
    (0..links.len()).filter(move |&i| seed.agrees(&links[i]) && links[i].is_mapped(map, tolerance))
}

/// The homography that grows out of one link; `None` if the links that follow it cannot carry one.
fn refined(links: &[Link], seed: usize) -> Option<Found> {
    let pairs = |followers: &[usize]| -> Vec<(Point, Point)> {
        followers.iter().map(|&i| (links[i].from, links[i].to)).collect()
    };
    let mut map = links[seed].similarity();
    let mut tolerance = GUESS_TOLERANCE;
    let mut followers: Vec<usize> = following(links, seed, &map, tolerance).collect();
    for round in 0..REFINEMENTS {
        map = if round < 2 { affine(&pairs(&followers))? } else { homography(&pairs(&followers), &map)? };
        tolerance = (tolerance * NARROWING).max(INLIER_TOLERANCE);
        followers = following(links, seed, &map, tolerance).collect();
    }
    let pairs = pairs(&followers);
    let is_believable = is_spread(pairs.iter().map(|p| p.0))
        && is_spread(pairs.iter().map(|p| p.1))
        && is_plausible(&corners(pairs.iter().map(|p| p.0)), &map);
    is_believable.then(|| Found { map, inliers: distinct(&pairs), followers })
}

/// The pairs that are left if of those that share a spot one is kept.
fn distinct(pairs: &[(Point, Point)]) -> Vec<(Point, Point)> {
    let near = |a: Point, b: Point| {
        let (dx, dy) = (a.0 - b.0, a.1 - b.1);
        dx * dx + dy * dy <= SAME_SPOT * SAME_SPOT
    };
    let mut kept: Vec<(Point, Point)> = Vec::new();
    for &pair in pairs {
        if !kept.iter().any(|&k| near(k.0, pair.0) || near(k.1, pair.1)) {
            kept.push(pair);
        }
    }
    kept
}

/// The upright rectangle around points: clockwise from the upper left.
fn corners(points: impl Iterator<Item = Point>) -> [Point; 4] {
    let start = (f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY);
    let (l, t, r, b) =
        points.fold(start, |(l, t, r, b), (x, y)| (f64::min(l, x), f64::min(t, y), f64::max(r, x), f64::max(b, y)));
    [(l, t), (r, t), (r, b), (l, b)]
}

/// A map in pixels as a region in fractions.
fn region(found: &Found, links: &[Link], query: &LocalFeatures, candidate: &LocalFeatures) -> Option<MatchedRegion> {
    let (qw, qh) = query.size();
    let (cw, ch) = candidate.size();
    let rectangle = corners(found.followers.iter().map(|&i| links[i].from));
    let mut quad_in_query = [[0.0; 2]; 4];
    for (to, &from) in quad_in_query.iter_mut().zip(&rectangle) {
        let (x, y) = found.map.apply(from)?;
        *to = [x / qw, y / qh];
    }
    let m = &found.map.0;
    // The denominator in the middle of the rectangle: positive, since it is at all four corners.
    let [(left, top), _, (right, bottom), _] = rectangle;
    let scale = (m[6] * (left + right) + m[7] * (top + bottom)) / 2.0 + m[8];
    let homography = [
        m[0] * cw / qw,
        m[1] * ch / qw,
        m[2] / qw, //
        m[3] * cw / qh,
        m[4] * ch / qh,
        m[5] / qh, //
        m[6] * cw,
        m[7] * ch,
        m[8],
    ]
    .map(|v| v / scale);
    Some(MatchedRegion { homography, quad_in_candidate: rectangle.map(|(x, y)| [x / cw, y / ch]), quad_in_query })
}
