//! What both protocols share: flags, systems, the index, and the reports.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use clap::{Args, ValueEnum};

use super::features::{
    Chip, Features, Network, Passes, Picture, local_features, read, thumbnail, without_repeats, write_pictures,
};
use crate::commands::Machine;
use crate::eval::{
    self, Answer, Candidate, EvalError, FalseMatch, Pictures, Query, Report, SecondLook, SystemReport, VerdictCount,
    compare, evaluate, system_report, worst,
};
use eyrie_terminal::CliError;
use eyrie_terminal::files;
use eyrie_terminal::output;
use eyrie_vision::describe::{Descriptor, DescriptorVersion, Profile};
use eyrie_vision::describe::{Projections, combine};
use eyrie_vision::local::{Levels, Verdict};
use eyrie_vision::local::{
    LocalFeatures, QUERY_FEATURES, STORED_FEATURES, Verification, match_pair, order_by_verification, verdict,
};

/// The end of the help of both protocols.
pub(super) const FIGURES: &str = "\
Figures, each with its 95 % bootstrap interval over the queries (2,000 resamples, fixed seed):
  mAP    mean average precision; with one right answer the mean reciprocal rank
  R@k    share of the queries with a right answer among the first k
  R@P1   recall at precision 1: share of the queries that a threshold on the score answers without any error

Two systems are compared query by query: a two-sided sign-flip permutation test of the AP. The search is exact; equal \
scores count against the right answer. With --verify the score of R@P1 is the inliers of the first answer, and the verdicts on all verified pairs are counted. The vectors of each picture are kept before the whitening (--cache), so a run \
that was stopped goes on where it was, and other whitenings or figures need no pass of the network.";

/// Flags of both protocols.
#[derive(Debug, Args)]
pub(super) struct Common<M: Machine> {
    /// fast (one pass through the network), nip (four) or rnip (10 for a 4:3 image, up to 14); several are measured and
    /// compared
    #[arg(long, value_name = "PROFILE", num_args = 1.., default_value = "rnip")]
    profile: Vec<Profile>,
    /// model: descriptors as the service makes them; pca: without the model's discriminative whitening, which comes last;
    /// none: without any whitening, at unit norm. Several are measured and compared
    #[arg(long, value_name = "WHAT", num_args = 1.., default_value = "model")]
    whitening: Vec<Whitening>,
    /// chip: the 2-bit network of the service; float:FILE.safetensors: the float network, far slower, as a yardstick (the
    /// model's whitening was learned on the 2-bit network: compare with --whitening none). Both may be named
    #[arg(long, value_name = "NETWORK", num_args = 1.., default_value = "chip")]
    network: Vec<String>,
    /// Results of each ranking, from the first, that are verified by local features and put in order anew: the service's
    /// default is 100, 0 is the descriptor alone. Several are measured and compared
    #[arg(long, value_name = "N", num_args = 1.., default_value = "0")]
    verify: Vec<usize>,
    /// Folder that keeps the vectors of pictures, or none [default: eyrie/eval in $XDG_CACHE_HOME or ~/.cache]
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Compare with the systems of an earlier run's --json file, those of the same name where there are such
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
    /// Write the report as JSON, every query included; - writes it to the standard output in place of the table
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the report as one self-contained page with plots and pictures of the worst failures
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Worst failures that the page shows of each system
    #[arg(long, value_name = "N", default_value_t = 12)]
    failures: usize,
    /// Instruction set: auto, scalar, avx2, avxvnni, avx512vnni, amx or neon [env: EYRIE_EXTRACTOR__ISA] [default: auto]
    #[arg(long, value_name = "ISA")]
    isa: Option<String>,
    /// Pictures described at the same time, 0 for one on each CPU core [env: EYRIE_EXTRACTOR__THREADS] [default: 0]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    #[command(flatten)]
    machine: M,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
enum Whitening {
    /// That of the model
    Model,
    /// The model's PCA-whitening alone
    Pca,
    /// The pooled vector as it is
    None,
}

/// A file below one of the folders that were named.
#[derive(Debug, Clone)]
pub(super) struct Named {
    /// The path relative to its folder, parts joined by `/`.
    pub name: String,
    pub path: PathBuf,
}

impl Named {
    fn picture(&self) -> Picture {
        Picture { path: self.path.clone(), transform: None }
    }

    /// The file's name without folder and extension.
    pub(super) fn stem(&self) -> String {
        self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// The files below a folder in the order of names, the first `limit` of them.
///
/// # Errors
/// [`CliError::Usage`] when there is none, or one cannot be read.
pub(super) fn list(folder: &Path, limit: Option<usize>) -> Result<Vec<Named>, CliError> {
    let found = files::find(&[folder.to_owned()], limit)?;
    if let Some(reason) = found.iter().find_map(|f| f.unreadable.as_ref().map(|r| format!("{}: {r}", f.relative))) {
        return Err(CliError::Usage(format!("cannot read below {}: {reason}", folder.display())));
    }
    if found.is_empty() {
        return Err(CliError::Usage(format!("there are no files in {}", folder.display())));
    }
    Ok(found.into_iter().map(|f| Named { name: f.relative, path: f.path }).collect())
}

/// A query of the protocol, before it is known which references are images.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub name: String,
    pub group: String,
    pub picture: Picture,
    /// Positions of the right answers among the references.
    pub right: Vec<usize>,
}

/// What a protocol measures.
pub(super) struct Protocol {
    pub name: &'static str,
    pub references: Vec<Named>,
    pub distractors: Vec<Named>,
    pub queries: Vec<Asked>,
    /// Pictures that are written as PNG as well, and where.
    pub written: Vec<(Picture, PathBuf)>,
}

impl Protocol {
    /// What is searched: the distractors before the references, so that ties count against the right answers.
    fn gallery(&self) -> impl Iterator<Item = &Named> {
        self.distractors.iter().chain(&self.references)
    }
}

/// One way to describe pictures.
struct System {
    name: String,
    profile: Profile,
    whitening: Whitening,
    /// Results that are verified.
    verify: usize,
}

impl<M: Machine> Common<M> {
    /// Measures, and writes the reports.
    pub(super) fn measure(&self, protocol: &Protocol) -> Result<(), CliError> {
        if protocol.queries.is_empty() {
            return Err(CliError::Usage("there are no queries".to_owned()));
        }
        let options = self.machine.describer_options(self.isa.as_deref(), self.threads)?;
        // Before hours of work: what cannot be read or written is told now.
        let earlier = self.compare.as_deref().map(earlier).transpose()?;
        let networks = self.networks()?;
        let chip = Chip::load(&options)?;
        if !protocol.written.is_empty() {
            write_pictures(&chip, "writing copies", &protocol.written)?;
        }
        let profiles = without_repeats(&self.profile);
        let whitenings = without_repeats(&self.whitening);
        let verify = without_repeats(&self.verify);
        let local = if verify.iter().any(|&n| n > 0) { Some(Local::new(&chip, protocol)?) } else { None };

        let mut systems = Vec::new();
        let mut counts = [0; 2];
        for network in &networks {
            let features = Features::new(&chip, network, cache_folder(self.cache.as_deref()).as_deref(), &profiles)?;
            let described = Described::new(&features, protocol)?;
            counts = described.counts;
            for &profile in &profiles {
                for &whitening in &whitenings {
                    for &verify in &verify {
                        let name = system_name(profile, network, whitening, verify);
                        let system = System { name, profile, whitening, verify };
                        systems.push(described.measure(&chip, network, &system, local.as_ref())?);
                    }
                }
            }
        }
        let report = Report {
            protocol: protocol.name.to_owned(),
            references: counts[0],
            distractors: counts[1],
            comparisons: comparisons(&systems, earlier.as_ref(), self.compare.as_deref())?,
            systems,
        };
        if let Some(earlier) = &earlier {
            same_question(&report, earlier)?;
        }
        self.write(&report, protocol, &chip)
    }

    fn networks(&self) -> Result<Vec<Network>, CliError> {
        let named = without_repeats(&self.network);
        if named.iter().filter(|n| n.starts_with("float:")).count() > 1 {
            return Err(CliError::Usage("--network takes one float network".to_owned()));
        }
        let network = |name: &String| match (name.as_str(), name.strip_prefix("float:")) {
            ("chip", _) => Ok(Network::Chip),
            (_, Some(file)) => Network::float(Path::new(file)),
            (other, None) => {
                Err(CliError::Usage(format!("--network is chip or float:FILE.safetensors, not {other:?}")))
            }
        };
        named.iter().map(network).collect()
    }

    fn write(&self, report: &Report, protocol: &Protocol, chip: &Chip) -> Result<(), CliError> {
        if let Some(path) = &self.html {
            let page = eval::html(report, &pictures(report, protocol, chip, self.failures)?, self.failures);
            write_file(path, page.as_bytes())?;
        }
        match self.json.as_deref() {
            Some(path) if path == Path::new("-") => return output::json(report),
            Some(path) => {
                let text = serde_json::to_vec_pretty(report).map_err(|e| CliError::Failed(e.to_string()))?;
                write_file(path, &text)?;
            }
            None => {}
        }
        output::results(|out| write!(out, "{}", eval::markdown(report)))
    }
}

fn system_name(profile: Profile, network: &Network, whitening: Whitening, verify: usize) -> String {
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
    }
    name
}

/// The local features of all pictures.
struct Local {
    /// By the place in the gallery.
    gallery: Vec<LocalFeatures>,
    /// By the query's place in the protocol.
    queries: Vec<Option<LocalFeatures>>,
}

impl Local {
    fn new(chip: &Chip, protocol: &Protocol) -> Result<Self, CliError> {
        let pictures: Vec<Picture> = protocol.gallery().map(Named::picture).collect();
        let found = local_features(chip, "local features of the index", &pictures, STORED_FEATURES)?;
        // Files that are no pictures have no place in the gallery.
        let gallery = found.into_iter().flatten().collect();
        let asked: Vec<Picture> = protocol.queries.iter().map(|q| q.picture.clone()).collect();
        Ok(Self { gallery, queries: local_features(chip, "local features of queries", &asked, QUERY_FEATURES)? })
    }

    /// Verifies the first `count` of a query's ranking and puts them in order anew, as the service does; tells `seen` of each
    /// pair. The first answer is as sure as its inliers are many, and where none is verified as its cosine, which is less
    /// than any inliers.
    fn verify(
        &self,
        query: usize,
        ranked: &mut [Candidate],
        count: usize,
        seen: impl Fn(&Candidate, &Verification),
    ) -> f32 {
        let count = count.min(ranked.len());
        let mut looked_at: Vec<(Candidate, Verification)> = ranked[..count]
            .iter()
            .map(|neighbor| {
                let own = self.queries[query].as_ref();
                let found = own.map_or(Verification::NOTHING, |own| match_pair(own, &self.gallery[neighbor.place]));
                seen(neighbor, &found);
                (*neighbor, found)
            })
            .collect();
        order_by_verification(&mut looked_at);
        let sure = looked_at.first().filter(|(_, found)| found.verified()).map(|(_, found)| found.inliers as f32);
        for (place, (neighbor, _)) in ranked.iter_mut().zip(looked_at) {
            *place = neighbor;
        }
        sure.unwrap_or_else(|| ranked.first().map_or(-1.0, |first| first.score))
    }
}

/// The vectors of all pictures, those that are no images left out.
struct Described {
    /// References and distractors that are pictures.
    counts: [usize; 2],
    /// The name and the passes of each picture of the gallery.
    gallery: Vec<(String, Passes)>,
    queries: Vec<(Query, Passes)>,
    /// Each query's place in the protocol.
    places: Vec<usize>,
}

impl Described {
    fn new(features: &Features<'_>, protocol: &Protocol) -> Result<Self, CliError> {
        let describe = |what: &str, files: &[Named]| {
            features.describe(what, &files.iter().map(Named::picture).collect::<Vec<_>>())
        };
        let references = describe("describing references", &protocol.references)?;
        let pictures: Vec<Picture> = protocol.queries.iter().map(|q| q.picture.clone()).collect();
        let asked = features.describe("describing queries", &pictures)?;
        let distractors = describe("describing distractors", &protocol.distractors)?;
        let skipped = [&references, &asked, &distractors].map(|d| d.iter().filter(|p| p.is_none()).count());
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
        let (mut queries, mut places) = (Vec::new(), Vec::new());
        for (place, (query, passes)) in protocol.queries.iter().zip(asked).enumerate() {
            let right: Vec<usize> = query.right.iter().filter_map(|at| places_of_references[*at]).collect();
            let Some(passes) = passes.filter(|_| !right.is_empty()) else { continue };
            queries.push((Query { name: query.name.clone(), group: query.group.clone(), right }, passes));
            places.push(place);
        }
        Ok(Self { counts, gallery, queries, places })
    }

    fn measure(
        &self,
        chip: &Chip,
        network: &Network,
        system: &System,
        local: Option<&Local>,
    ) -> Result<SystemReport, CliError> {
        let failed = |e: &dyn std::fmt::Display| CliError::Failed(format!("{}: {e}", system.name));
        let projections = match system.whitening {
            Whitening::Model => chip.model.projections().clone(),
            Whitening::Pca => chip.model.projections().clone().map(|p| Projections { discriminant: None, ..p }),
            Whitening::None => Default::default(),
        };
        let describe = |passes: &Passes| {
            let vector = combine(passes, system.profile, &projections);
            let values = vector.len();
            Descriptor::new(vector, values).map_err(|e| failed(&e))
        };
        let gallery: Vec<Descriptor> =
            self.gallery.iter().map(|(_, passes)| describe(passes)).collect::<Result<_, CliError>>()?;
        let descriptors = self.queries.iter().map(|(_, pooled)| describe(pooled));
        let descriptors: Vec<Descriptor> = descriptors.collect::<Result<_, CliError>>()?;
        let queries: Vec<Query> = self.queries.iter().map(|(query, _)| query.clone()).collect();
        let dimension = gallery.first().map_or(0, Descriptor::dimension);
        let names: Vec<String> = self.gallery.iter().map(|(name, _)| name.clone()).collect();
        let false_matches: Mutex<Vec<(usize, FalseMatch)>> = Mutex::default();
        let counted = [const { [const { AtomicUsize::new(0) }; 2] }; Verdict::ALL.len()];
        let levels = match system.whitening {
            Whitening::Model => chip.model.levels(system.profile),
            Whitening::Pca | Whitening::None => &Levels::NONE,
        };
        let look = local.filter(|_| system.verify > 0).map(|local| {
            let (queries, counted, names, false_matches) = (&queries, &counted, &names, &false_matches);
            move |query: usize, ranked: &mut Vec<Candidate>| {
                local.verify(self.places[query], ranked, system.verify, |neighbor, found| {
                    let is_wrong = !queries[query].right.contains(&neighbor.place);
                    let verdict = verdict(neighbor.score, Some(found), levels);
                    counted[verdict as usize][usize::from(is_wrong)].fetch_add(1, Ordering::Relaxed);
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
        let answered = evaluate(&gallery, &queries, &descriptors, look).map_err(|e| failed(&e))?;
        let version = match (network, system.whitening) {
            (Network::Chip, Whitening::Model) => {
                DescriptorVersion::new(chip.model.fingerprint(), system.profile).to_string()
            }
            (_, Whitening::None) => format!("{}/{}", network.version(chip), system.profile),
            (Network::Chip, Whitening::Pca) => format!("{}/pca/{}", chip.model.fingerprint(), system.profile),
            (Network::Float(..), Whitening::Pca) => {
                format!("{}/{}/pca/{}", network.version(chip), chip.model.fingerprint(), system.profile)
            }
            (Network::Float(..), Whitening::Model) => {
                format!("{}/{}/{}", network.version(chip), chip.model.fingerprint(), system.profile)
            }
        };
        let mut report = system_report(&system.name, &version, dimension, &queries, &answered, &names);
        if system.verify > 0 {
            let count = |verdict: Verdict| {
                let [right, wrong] = counted[verdict as usize].each_ref().map(|n| n.load(Ordering::Relaxed));
                VerdictCount { verdict, right, wrong }
            };
            report.verdicts = Verdict::ALL.map(count).to_vec();
            let mut pairs = false_matches.into_inner().unwrap_or_else(PoisonError::into_inner);
            // Queries are answered in any order, the results of one in theirs.
            pairs.sort_by_key(|(query, _)| *query);
            report.false_matches = pairs.into_iter().map(|(_, pair)| pair).collect();
        }
        Ok(report)
    }
}

/// Stands before the names of distractors in reports.
const DISTRACTOR: &str = "distractor ";

fn earlier(path: &Path) -> Result<Report, CliError> {
    serde_json::from_slice(&read(path)?)
        .map_err(|e| CliError::Usage(format!("--compare: {} is not a report of eyrie eval: {e}", path.display())))
}

/// Says so when an earlier run searched among other pictures: then a difference is not the system's alone.
///
/// # Errors
/// [`CliError::Usage`] when it was another protocol.
fn same_question(report: &Report, earlier: &Report) -> Result<(), CliError> {
    if report.protocol != earlier.protocol {
        let reason = format!("--compare: the earlier run is of eval {}", earlier.protocol);
        return Err(CliError::Usage(reason));
    }
    let [now, then] =
        [report, earlier].map(|r| format!("{} references and {} distractors", r.references, r.distractors));
    if now != then {
        output::note(&format!("warning: this run has {now}, the earlier one {then}: their figures do not compare"));
    }
    Ok(())
}

/// Every two systems of this run, and this run's against those of the earlier one.
fn comparisons(
    systems: &[SystemReport],
    earlier: Option<&Report>,
    path: Option<&Path>,
) -> Result<Vec<eval::Comparison>, CliError> {
    let mut all = Vec::new();
    let failed = |e: EvalError| CliError::Failed(e.to_string());
    for (at, first) in systems.iter().enumerate() {
        for second in &systems[at + 1..] {
            all.push(compare((&first.name, first), (&second.name, second)).map_err(failed)?);
        }
    }
    for first in systems {
        let others = earlier.map_or(&[][..], |report| &report.systems);
        let same = others.iter().filter(|other| other.name == first.name).count() > 0;
        for second in others.iter().filter(|other| !same || other.name == first.name) {
            let file = path.map(|p| p.display().to_string()).unwrap_or_default();
            let called = format!("{} of {file}", second.name);
            all.push(compare((&first.name, first), (&called, second)).map_err(failed)?);
        }
    }
    Ok(all)
}

/// The thumbnails that the page needs.
fn pictures(report: &Report, protocol: &Protocol, chip: &Chip, failures: usize) -> Result<Pictures, CliError> {
    let queries: HashMap<&str, &Picture> = protocol.queries.iter().map(|q| (q.name.as_str(), &q.picture)).collect();
    let mut gallery: HashMap<String, Picture> = HashMap::new();
    for (prefix, files) in [("", &protocol.references), (DISTRACTOR, &protocol.distractors)] {
        let picture = |f: &Named| (format!("{prefix}{}", f.name), f.picture());
        gallery.extend(files.iter().map(picture));
    }
    let mut pictures = Pictures::default();
    let mut shown: Vec<(&str, &Answer)> = Vec::new();
    for system in &report.systems {
        for failure in worst(system, failures) {
            let answers = std::iter::once(&failure.right).chain(&failure.wrong);
            shown.extend(answers.map(|answer| (failure.name.as_str(), answer)));
        }
        shown.extend(system.false_matches.iter().take(failures).map(|pair| (pair.query.as_str(), &pair.answer)));
    }
    for (query, answer) in shown {
        if let Some(picture) = queries.get(query).filter(|_| !pictures.has_query(query)) {
            pictures.add_query(query, &thumbnail(picture, chip.limits)?);
        }
        if let Some(picture) = gallery.get(&answer.name).filter(|_| !pictures.has_answer(&answer.name)) {
            pictures.add_answer(&answer.name, &thumbnail(picture, chip.limits)?);
        }
    }
    Ok(pictures)
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    std::fs::write(path, bytes).map_err(|e| CliError::Failed(format!("cannot write {}: {e}", path.display())))
}

/// Where vectors are kept: the folder that was named, nowhere for `none`, else the user's folder for such things.
fn cache_folder(named: Option<&Path>) -> Option<PathBuf> {
    let from = |variable| std::env::var_os(variable).filter(|v| !v.is_empty()).map(PathBuf::from);
    match named {
        Some(path) if path == Path::new("none") => None,
        Some(path) => Some(path.to_owned()),
        None => {
            let caches = from("XDG_CACHE_HOME").or_else(|| from("HOME").map(|home| home.join(".cache")))?;
            Some(caches.join("eyrie").join("eval"))
        }
    }
}
