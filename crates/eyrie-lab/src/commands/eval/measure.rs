//! How well a system finds the pictures of a protocol.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use clap::ValueEnum;

use super::features::{CellCache, Details, Features, Network, Picture, Setup, details};
use super::protocol::{DISTRACTOR, Named, Protocol, Question};
use crate::commands::vectors::Vectors;
use crate::eval::{
    Answer, Candidate, FalseMatch, Query, SecondLook, SystemReport, VerdictCount, calibration, evaluate, roc,
    system_report,
};
use eyrie_terminal::{CliError, output};
use eyrie_vision::describe::{
    Descriptor, DescriptorVersion, Known, Profile, Projections, combine, expand, looks, parts,
};
use eyrie_vision::local::{
    Contrasted, Levels, MOST_CONTRASTED, QUERY_FEATURES, STORED_FEATURES, Verdict, Verification, contrasts,
    match_mirrored, match_pair, rerank, verdict,
};
use eyrie_vision::picture::{Decoded, thumbnail_pixels};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
pub(super) enum Whitening {
    /// That of the model
    Model,
    /// The model's PCA-whitening alone
    Pca,
    /// The pooled vector as it is
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
pub(super) enum Rerank {
    /// By what verification found, the others by their scores and, with rnip, by their cells
    Verified,
    /// The same, the others by their likeness to what was found, too: as the service does
    Expanded,
}

/// One way to describe pictures.
pub(super) struct System {
    pub(super) name: String,
    pub(super) profile: Profile,
    pub(super) whitening: Whitening,
    /// Results that are verified.
    pub(super) verify: usize,
    /// Those that are where none of these shows the same thing.
    pub(super) reach: usize,
    /// What these are put in order by.
    pub(super) rerank: Rerank,
    /// Whether cells are compared: the profile has such.
    pub(super) cells: bool,
}

/// The name of a system in reports.
pub(super) fn system_name(
    profile: Profile,
    network: &Network,
    whitening: Whitening,
    verify: usize,
    rerank: Rerank,
) -> String {
    let mut name = profile.to_string();
    if matches!(network, Network::Float(..)) {
        name.push_str(", float");
    }
    name.push_str(match whitening {
        Whitening::Model => "",
        Whitening::Pca => ", PCA only",
        Whitening::None => ", unwhitened",
    });
    if verify > 0 {
        let _ = write!(name, ", first {verify} verified");
        if rerank == Rerank::Expanded {
            name.push_str(", expanded");
        }
    }
    name
}

/// A result that was compared with the query.
struct Compared<'a> {
    neighbor: Candidate,
    found: Verification,
    /// The picture of the query that tells most of it.
    view: Option<&'a Decoded>,
}

impl Compared<'_> {
    /// What [`rerank`] puts it in order by.
    fn rank(&self) -> (f32, Option<Verification>) {
        (self.neighbor.score, Some(self.found))
    }
}

/// What all pictures are compared by.
pub(super) struct Local {
    /// By the place in the gallery.
    gallery: Vec<Details>,
    /// By the query's place in the protocol: of each of its pictures.
    queries: Vec<Vec<Details>>,
}

impl Local {
    pub(super) fn new(setup: &Setup, protocol: &Protocol, cells: Option<&CellCache<'_>>) -> Result<Self, CliError> {
        let pictures: Vec<Picture> = protocol.gallery().map(Named::picture).collect();
        let found = details(setup, "local features of the index", &pictures, STORED_FEATURES, cells)?;
        // Files that are no pictures have no place in the gallery.
        let gallery = found.into_iter().flatten().collect();
        let pictures: Vec<Picture> = protocol.queries.iter().flat_map(|q| q.pictures.clone()).collect();
        let mut found = details(setup, "local features of queries", &pictures, QUERY_FEATURES, cells)?.into_iter();
        let of = |query: &Question| found.by_ref().take(query.pictures.len()).flatten().collect();
        let queries = protocol.queries.iter().map(of).collect();
        Ok(Self { gallery, queries })
    }

    /// Verifies the first of a query's ranking and puts them in order anew, as the service does;
    /// tells `seen` of each pair. The first answer is as sure as its inliers are many, and where
    /// none is verified as its cosine, which is less than any inliers.
    fn verify(
        &self,
        query: (usize, &Descriptor),
        gallery: &[Descriptor],
        ranked: &mut [Candidate],
        system: &System,
        levels: &Levels,
        seen: impl Fn(&Candidate, &Verification),
    ) -> f32 {
        let (query, descriptor) = query;
        let views: Vec<_> =
            self.queries[query].iter().map(|view| (view, thumbnail_pixels(&view.thumbnail).ok())).collect();
        let compared = |neighbor: &Candidate| {
            let other = &self.gallery[neighbor.place];
            let compare = if neighbor.score >= levels.similar { match_mirrored } else { match_pair };
            let compare = |view: &Details| match compare(&view.features, &other.features) {
                found if system.cells => found,
                found => Verification { cells: 0, ..found },
            };
            let found = views.iter().map(|(view, pixels)| (compare(view), pixels.as_ref()));
            let best = found.reduce(|best, next| if next.0.is_more_than(&best.0) { next } else { best });
            let (found, view) = best.unwrap_or((Verification::NOTHING, None));
            let look = |query| found.looked_at(query, &thumbnail_pixels(&other.thumbnail).ok()?).ok();
            let found = view.filter(|_| found.verified()).and_then(look).unwrap_or(found);
            Compared { neighbor: *neighbor, found, view }
        };
        let window = |end: usize| end.min(ranked.len());
        let mut looked_at: Vec<Compared<'_>> = ranked[..window(system.verify)].iter().map(compared).collect();
        if !looked_at.iter().any(|compared| compared.found.verified()) {
            let rest = window(system.verify)..window(system.reach.max(system.verify));
            looked_at.extend(ranked[rest].iter().map(compared));
        }
        rerank(&mut looked_at, Compared::rank);
        self.weigh(&mut looked_at);
        looked_at.iter().for_each(|compared| seen(&compared.neighbor, &compared.found));
        rerank(&mut looked_at, Compared::rank);
        if system.rerank == Rerank::Expanded {
            let known = |compared: &Compared<'_>| Known {
                found: compared.found,
                descriptor: Some(gallery[compared.neighbor.place].clone()),
            };
            looked_at = expand(descriptor, looked_at, known);
        }
        let sure = looked_at.first().map(|first| first.found).filter(Verification::verified);
        for (place, compared) in ranked.iter_mut().zip(looked_at) {
            *place = compared.neighbor;
        }
        sure.map_or_else(|| ranked.first().map_or(-1.0, |first| first.score), |found| found.inliers as f32)
    }

    /// Weighs the first of those that are verified, as far as one picture of the query tells of them,
    /// against each other.
    fn weigh(&self, ordered: &mut [Compared<'_>]) {
        let mut seen = ordered.iter_mut().filter(|compared| compared.found.agreement.is_some()).peekable();
        let Some(view) = seen.peek().and_then(|first| first.view) else { return };
        let of_view = seen.filter(|compared| compared.view.is_some_and(|other| std::ptr::eq(view, other)));
        let first: Vec<&mut Compared<'_>> = of_view.take(MOST_CONTRASTED).collect();
        let thumbnail = |compared: &&mut Compared<'_>| &self.gallery[compared.neighbor.place].thumbnail;
        let pixels = first.iter().map(thumbnail).map(|bytes| thumbnail_pixels(bytes)).collect::<Result<Vec<_>, _>>();
        let Ok(pixels) = pixels else { return };
        let candidates: Vec<Contrasted<'_>> = first.iter().map(|compared| compared.found).zip(&pixels).collect();
        for (compared, contrast) in first.into_iter().zip(contrasts(view, &candidates).unwrap_or_default()) {
            compared.found.contrast = contrast;
        }
    }
}

/// The vectors of all pictures, those that are no images left out.
pub(super) struct PooledPictures {
    /// References and distractors that are pictures.
    pub(super) counts: [usize; 2],
    /// The name and the passes of each picture of the gallery.
    gallery: Vec<(String, Vectors)>,
    /// Each query and the passes of its pictures.
    queries: Vec<(Query, Vec<Vectors>)>,
    /// Each query's place in the protocol.
    places: Vec<usize>,
}

impl PooledPictures {
    pub(super) fn new(features: &Features<'_>, protocol: &Protocol) -> Result<Self, CliError> {
        let passes_of =
            |what: &str, files: &[Named]| features.of(what, &files.iter().map(Named::picture).collect::<Vec<_>>());
        let references = passes_of("describing references", &protocol.references)?;
        let pictures: Vec<Picture> = protocol.queries.iter().flat_map(|q| q.pictures.clone()).collect();
        let queries = features.of("describing queries", &pictures)?;
        let distractors = passes_of("describing distractors", &protocol.distractors)?;
        let skipped = [&references, &queries, &distractors].map(|d| d.iter().filter(|p| p.is_none()).count());
        if skipped.iter().sum::<usize>() > 0 {
            let [r, q, d] = skipped;
            output::note(&format!("files that are no images: {r} references, {q} queries, {d} distractors"));
        }

        let counts = [&references, &distractors].map(|d| d.iter().flatten().count());
        let mut gallery = Vec::new();
        for (file, passes) in protocol.distractors.iter().zip(distractors) {
            gallery.extend(passes.map(|passes| (format!("{DISTRACTOR}{}", file.name), passes)));
        }
        // Where each reference is in the gallery, if it is a picture.
        let mut places_of_references = Vec::new();
        for (file, passes) in protocol.references.iter().zip(references) {
            places_of_references.push(passes.is_some().then_some(gallery.len()));
            gallery.extend(passes.map(|passes| (file.name.clone(), passes)));
        }
        let (mut answerable, mut places_of_queries) = (Vec::new(), Vec::new());
        let mut queries = queries.into_iter();
        for (place, query) in protocol.queries.iter().enumerate() {
            let passes: Vec<Vectors> = queries.by_ref().take(query.pictures.len()).flatten().collect();
            let places = |at: &[usize]| at.iter().filter_map(|at| places_of_references[*at]).collect::<Vec<_>>();
            let (right, junk) = (places(&query.right), places(&query.junk));
            if passes.is_empty() || right.is_empty() {
                continue;
            }
            answerable.push((Query { name: query.name.clone(), group: query.group.clone(), right, junk }, passes));
            places_of_queries.push(place);
        }
        let places = places_of_queries;
        Ok(Self { counts, gallery, queries: answerable, places })
    }

    /// What a system makes of them.
    pub(super) fn measure(
        &self,
        setup: &Setup,
        network: &Network,
        system: &System,
        local: Option<&Local>,
    ) -> Result<SystemReport, CliError> {
        let failed = |e: &dyn std::fmt::Display| CliError::Failed(format!("{}: {e}", system.name));
        let projections = match system.whitening {
            Whitening::Model => setup.model().projections().clone(),
            Whitening::Pca => setup.model().projections().clone().map(|p| Projections { discriminant: None, ..p }),
            Whitening::None => Default::default(),
        };
        let descriptor = |vector: Vec<f32>| {
            let values = vector.len();
            Descriptor::new(vector, values).map_err(|e| failed(&e))
        };
        let describe = |passes: &Vectors| descriptor(combine(passes, system.profile, &projections));
        let gallery: Vec<Descriptor> =
            self.gallery.iter().map(|(_, passes)| describe(passes)).collect::<Result<_, CliError>>()?;
        let looks_of = |pictures: &Vec<Vectors>| {
            let views: Vec<Descriptor> = pictures.iter().map(describe).collect::<Result<_, CliError>>()?;
            let whole = Descriptor::mean(&views).map_err(|e| failed(&e))?;
            // The passes may be those of a dearer profile.
            let pictures = pictures.iter().filter(|_| system.profile == Profile::Rnip);
            let parts = pictures.flat_map(|passes| parts(passes, &projections)).map(descriptor);
            Ok(looks(&whole, &parts.collect::<Result<Vec<Descriptor>, CliError>>()?))
        };
        let looks = self.queries.iter().map(|(_, pictures)| looks_of(pictures));
        let looks: Vec<Vec<Descriptor>> = looks.collect::<Result<_, CliError>>()?;
        let queries: Vec<Query> = self.queries.iter().map(|(query, _)| query.clone()).collect();
        let dimension = gallery.first().map_or(0, Descriptor::dimension);
        let names: Vec<String> = self.gallery.iter().map(|(name, _)| name.clone()).collect();
        let false_matches: Mutex<Vec<(usize, FalseMatch)>> = Mutex::default();
        let counted = [const { [const { AtomicUsize::new(0) }; 2] }; Verdict::ALL.len()];
        let confidences: Mutex<Vec<(f64, bool)>> = Mutex::default();
        let levels = match system.whitening {
            Whitening::Model => setup.model().levels(system.profile),
            Whitening::Pca | Whitening::None => &Levels::NONE,
        };
        let look = local.filter(|_| system.verify > 0).map(|local| {
            let (queries, counted, names, false_matches) = (&queries, &counted, &names, &false_matches);
            let (confidences, gallery, looks) = (&confidences, &gallery, &looks);
            move |query: usize, ranked: &mut Vec<Candidate>| {
                let own = (self.places[query], &looks[query][0]);
                local.verify(own, gallery, ranked, system, levels, |neighbor, found| {
                    let is_wrong = !queries[query].right.contains(&neighbor.place);
                    let verdict = verdict(neighbor.score, Some(found), levels);
                    counted[verdict as usize][usize::from(is_wrong)].fetch_add(1, Ordering::Relaxed);
                    if let Some(confidence) = found.confidence() {
                        confidences.lock().unwrap_or_else(PoisonError::into_inner).push((confidence, !is_wrong));
                    }
                    if is_wrong && matches!(verdict, Verdict::Same | Verdict::NearDuplicate) {
                        let answer = Answer { name: names[neighbor.place].clone(), score: neighbor.score };
                        let pair =
                            FalseMatch { query: queries[query].name.clone(), answer, verdict, inliers: found.inliers };
                        false_matches.lock().unwrap_or_else(PoisonError::into_inner).push((query, pair));
                    }
                })
            }
        });
        let look: Option<SecondLook<'_>> = look.as_ref().map(|look| look as SecondLook<'_>);
        let answered = evaluate(&gallery, &queries, &looks, look).map_err(|e| failed(&e))?;
        let version = match (network, system.whitening) {
            (Network::Chip, Whitening::Model) => {
                DescriptorVersion::new(setup.model().fingerprint(), system.profile).to_string()
            }
            (_, Whitening::None) => format!("{}/{}", network.version(setup), system.profile),
            (Network::Chip, Whitening::Pca) => format!("{}/pca/{}", setup.model().fingerprint(), system.profile),
            (Network::Float(..), Whitening::Pca) => {
                format!("{}/{}/pca/{}", network.version(setup), setup.model().fingerprint(), system.profile)
            }
            (Network::Float(..), Whitening::Model) => {
                format!("{}/{}/{}", network.version(setup), setup.model().fingerprint(), system.profile)
            }
        };
        let mut report = system_report(&system.name, &version, dimension, &queries, &answered, &names);
        if system.verify > 0 {
            let count = |verdict: Verdict| {
                let [right, wrong] = counted[verdict as usize].each_ref().map(|n| n.load(Ordering::Relaxed));
                VerdictCount { verdict, right, wrong }
            };
            report.verdicts = Verdict::ALL.map(count).to_vec();
            let mut confidences = confidences.into_inner().unwrap_or_else(PoisonError::into_inner);
            // Sums of floats depend on their order, and threads end in any.
            confidences.sort_by(|a, b| a.0.total_cmp(&b.0));
            report.calibration = calibration(&confidences);
            report.roc = roc(&confidences, queries.iter().map(|query| query.right.len()).sum());
            let mut pairs = false_matches.into_inner().unwrap_or_else(PoisonError::into_inner);
            // Queries are answered in any order, the results of one in theirs.
            pairs.sort_by_key(|(query, _)| *query);
            report.false_matches = pairs.into_iter().map(|(_, pair)| pair).collect();
        }
        Ok(report)
    }
}
