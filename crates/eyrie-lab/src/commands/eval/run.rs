//! What both protocols share: flags, systems, and the reports.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use clap::Args;

use super::features::{CellCache, Features, Network, Picture, Setup, read, thumbnail, without_repeats, write_pictures};
use super::measure::{Local, PooledPictures, Rerank, System, Whitening, system_name};
use super::protocol::{DISTRACTOR, Named, Protocol};
use crate::commands::machine::Machine;
use crate::eval::{self, Answer, EvalError, EvalReport, Pictures, SystemReport, compare, worst};
use eyrie_terminal::{CliError, output};
use eyrie_vision::describe::Profile;

/// The end of the help of both protocols.
pub(super) const FIGURES: &str = "\
Figures, each with its 95 % bootstrap interval over the queries (2,000 resamples, fixed seed):
  mAP    mean average precision; with one right answer the mean reciprocal rank
  R@k    share of the queries with a right answer among the first k
  R@P1   recall at precision 1: share of the queries that a threshold on the score answers without any error
The first miss is the mean rank of the first wrong answer.

Two systems are compared query by query: a two-sided sign-flip permutation test of the AP. The search is exact; equal \
scores count against the right answer. With --verify the score of R@P1 is the inliers of the first answer, and the verdicts on all verified pairs are counted, with \
the 95 % interval of their precision, and how often pairs of a confidence are right. The vectors of each picture are kept before the whitening (--cache), so a run \
that was stopped goes on where it was, and other whitenings or figures need no pass of the network.";

/// Flags of both protocols.
#[derive(Debug, Args)]
pub(super) struct Common<M: Machine> {
    /// fast (one pass through the network), nip (four) or rnip (10 for a 4:3 image, up to 14);
    /// several are measured and compared
    #[arg(long, value_name = "PROFILE", num_args = 1.., default_value = "rnip")]
    profile: Vec<Profile>,
    /// model: descriptors as the service makes them; pca: without the model's discriminative
    /// whitening, which comes last; none: without any whitening, at unit norm. Several are measured
    /// and compared
    #[arg(long, value_name = "WHAT", num_args = 1.., default_value = "model")]
    whitening: Vec<Whitening>,
    /// chip: the 2-bit network of the service; float:FILE.safetensors: the float network, far
    /// slower, as a yardstick (the model's whitening was learned on the 2-bit network: compare with
    /// --whitening none). Both may be named
    #[arg(long, value_name = "NETWORK", num_args = 1.., default_value = "chip")]
    network: Vec<String>,
    /// Results of each ranking, from the first, that are verified by local features and put in
    /// order anew: the service's default is 100, 0 is the descriptor alone. Several are measured
    /// and compared
    #[arg(long, value_name = "N", num_args = 1.., default_value = "0")]
    verify: Vec<usize>,
    /// Results that are verified where none of these shows the same thing
    #[arg(long, value_name = "N", default_value_t = 300)]
    verify_reach: usize,
    /// What verified results are put in order by; several are measured and compared
    #[arg(long, value_name = "WHAT", num_args = 1.., default_value = "expanded")]
    rerank: Vec<Rerank>,
    /// Folder that keeps the vectors of pictures, or none [default: eyrie/eval in $XDG_CACHE_HOME
    /// or ~/.cache]
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Compare with the systems of an earlier run's --json file, those of the same name where there
    /// are such
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
    /// Write the report as JSON, every query included; - writes it to the standard output in place
    /// of the table
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the report as one self-contained page with plots and pictures of the worst failures
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Worst failures that the page shows of each system
    #[arg(long, value_name = "N", default_value_t = 12)]
    failures: usize,
    /// Instruction set: auto, scalar, avx2, avxvnni, avx512vnni, amx or neon [env:
    /// EYRIE_EXTRACTOR__ISA] [default: auto]
    #[arg(long, value_name = "ISA")]
    isa: Option<String>,
    /// Pictures described at the same time, 0 for one on each CPU core [env:
    /// EYRIE_EXTRACTOR__THREADS] [default: 0]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    #[command(flatten)]
    machine: M,
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
        let setup = Setup::load(&options)?;
        if !protocol.written.is_empty() {
            write_pictures(&setup, "writing copies", &protocol.written)?;
        }
        let profiles = without_repeats(&self.profile);
        let whitenings = without_repeats(&self.whitening);
        let verify = without_repeats(&self.verify);
        let reranks = without_repeats(&self.rerank);
        let folder = cache_folder(self.cache.as_deref());
        let has_cells = |network: &Network, profile| matches!(network, Network::Chip) && profile == Profile::Rnip;
        let local = if verify.iter().any(|&n| n > 0) {
            let wanted = networks.iter().any(|network| profiles.iter().any(|profile| has_cells(network, *profile)));
            let cells = if wanted { Some(CellCache::new(&setup, folder.as_deref())?) } else { None };
            Some(Local::new(&setup, protocol, cells.as_ref())?)
        } else {
            None
        };

        let mut systems = Vec::new();
        let mut counts = [0; 2];
        for network in &networks {
            let features = Features::new(&setup, network, folder.as_deref(), &profiles)?;
            let pooled = PooledPictures::new(&features, protocol)?;
            counts = pooled.counts;
            for &profile in &profiles {
                for &whitening in &whitenings {
                    for (verify, rerank) in verifications(&verify, &reranks) {
                        let name = system_name(profile, network, whitening, verify, rerank);
                        let cells = has_cells(network, profile);
                        let reach = self.verify_reach;
                        let system = System { name, profile, whitening, verify, reach, rerank, cells };
                        systems.push(pooled.measure(&setup, network, &system, local.as_ref())?);
                    }
                }
            }
        }
        let report = EvalReport {
            protocol: protocol.name.to_owned(),
            references: counts[0],
            distractors: counts[1],
            comparisons: comparisons(&systems, earlier.as_ref(), self.compare.as_deref())?,
            systems,
        };
        if let Some(earlier) = &earlier {
            same_question(&report, earlier)?;
        }
        self.write(&report, protocol, &setup)
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

    fn write(&self, report: &EvalReport, protocol: &Protocol, setup: &Setup) -> Result<(), CliError> {
        if let Some(path) = &self.html {
            let page = eval::html(report, &pictures(report, protocol, setup, self.failures)?, self.failures);
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

/// Each number of results with each way to put them in order; none have no order.
fn verifications<'a>(verify: &'a [usize], reranks: &'a [Rerank]) -> impl Iterator<Item = (usize, Rerank)> + 'a {
    verify.iter().flat_map(move |&verify| {
        let reranks = if verify == 0 { &reranks[..1] } else { reranks };
        reranks.iter().map(move |&rerank| (verify, rerank))
    })
}

fn earlier(path: &Path) -> Result<EvalReport, CliError> {
    serde_json::from_slice(&read(path)?)
        .map_err(|e| CliError::Usage(format!("--compare: {} is not a report of eyrie eval: {e}", path.display())))
}

/// Says so when an earlier run searched among other pictures: then a difference is not the system's
/// alone.
///
/// # Errors
/// [`CliError::Usage`] when it was another protocol.
fn same_question(report: &EvalReport, earlier: &EvalReport) -> Result<(), CliError> {
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
    earlier: Option<&EvalReport>,
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
fn pictures(report: &EvalReport, protocol: &Protocol, setup: &Setup, failures: usize) -> Result<Pictures, CliError> {
    let queries: HashMap<&str, &Picture> = protocol.queries.iter().map(|q| (q.name.as_str(), &q.pictures[0])).collect();
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
            pictures.add_query(query, &thumbnail(picture, setup.limits())?);
        }
        if let Some(picture) = gallery.get(&answer.name).filter(|_| !pictures.has_answer(&answer.name)) {
            pictures.add_answer(&answer.name, &thumbnail(picture, setup.limits())?);
        }
    }
    Ok(pictures)
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    std::fs::write(path, bytes).map_err(|e| CliError::Failed(format!("cannot write {}: {e}", path.display())))
}

/// Where vectors are kept: the folder that was named, nowhere for `none`, else the user's folder
/// for such things.
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
