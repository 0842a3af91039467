//! `eyrie eval instance`: the same thing photographed again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Deserialize;

use super::features::{Picture, read};
use super::protocol::{Named, Protocol, Question, list};
use super::run::{Common, FIGURES};
use crate::commands::machine::Machine;
use eyrie_terminal::{CliError, output};
use eyrie_vision::picture::QueryRegion;

const EXAMPLES: &str = "\
Examples:
  eyrie eval instance --references covers --queries phone1 phone2 --distractors other --distractor-count 2000
  eyrie eval instance --references covers --queries phone1 --profile fast nip rnip --json first.json
  eyrie eval instance --references covers --queries phone1 --compare first.json --html report.html
  eyrie eval instance --references stock --queries photos --ground-truth answers.json
  eyrie eval instance --references covers --queries phone1 --network chip float:vgg16.safetensors --whitening none";

/// Find the pictures of the same thing: queries against references among distractors
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{FIGURES}"))]
pub(super) struct Instance<M: Machine> {
    /// Folder of the pictures that are to be found
    #[arg(long, value_name = "DIR")]
    references: PathBuf,
    /// Folders of pictures to search with; each is a row of its own in the report
    #[arg(long, value_name = "DIR", num_args = 1.., required = true)]
    queries: Vec<PathBuf>,
    /// Folder of pictures that are no answer to any query
    #[arg(long, value_name = "DIR")]
    distractors: Option<PathBuf>,
    /// Only the first N distractors, in the order of names
    #[arg(long, value_name = "N", requires = "distractors")]
    distractor_count: Option<usize>,
    /// The right answers, JSON: an object from the name of each query's file to a list of names of
    /// references, or to an object with such lists as `right` and `junk` (neither right nor wrong:
    /// left out of the ranking) and the `region` of the picture that is searched for, [x, y, width,
    /// height] in fractions. Without it the references with the query's name, extension aside, are
    /// right
    #[arg(long, value_name = "FILE")]
    ground_truth: Option<PathBuf>,
    /// Only the queries whose name, extension aside, is an odd or an even number: tune on one half,
    /// report the other
    #[arg(long, value_name = "HALF", default_value = "all")]
    subset: Subset,
    /// Pictures of one thing that are searched with together, as the service does: of the queries
    /// with the same right answers, in their order, N make one, named by the first, so that
    /// --compare tells what the others add. Those that are left over are left out
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pictures: u32,
    #[command(flatten)]
    common: Common<M>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Subset {
    /// Odd numbers
    Odd,
    /// Even numbers
    Even,
    /// Every query
    All,
}

impl Subset {
    fn keeps(self, stem: &str) -> bool {
        let digits = !stem.is_empty() && stem.bytes().all(|b| b.is_ascii_digit());
        let odd = stem.bytes().last().is_some_and(|last| last % 2 == 1);
        match self {
            Self::All => true,
            Self::Odd => digits && odd,
            Self::Even => digits && !odd,
        }
    }
}

impl<M: Machine> Instance<M> {
    pub(super) fn run(self) -> Result<(), CliError> {
        let references = list(&self.references, None)?;
        let distractors = match &self.distractors {
            Some(folder) => list(folder, self.distractor_count)?,
            None => Vec::new(),
        };
        let truth = self.ground_truth.as_ref().map(|path| GroundTruth::read(path, &references)).transpose()?;
        let by_stem = positions(references.iter().map(Named::stem));
        let mut queries = Vec::new();
        let mut without = 0;
        let mut groups = HashSet::new();
        for folder in &self.queries {
            let group = folder.canonicalize().unwrap_or_else(|_| folder.clone());
            let group = group.file_name().unwrap_or(folder.as_os_str()).to_string_lossy().into_owned();
            if !groups.insert(group.clone()) {
                return Err(CliError::Usage(format!("two folders of queries are named {group}")));
            }
            for file in list(folder, None)?.into_iter().filter(|f| self.subset.keeps(&f.stem())) {
                let known = match &truth {
                    Some(truth) => truth.of(&file).cloned(),
                    None => by_stem.get(&file.stem()).map(|right| Truth { right: right.clone(), ..Truth::default() }),
                };
                let Some(Truth { right, junk, region }) = known.filter(|known| !known.right.is_empty()) else {
                    without += 1;
                    continue;
                };
                let name = format!("{group}/{}", file.name);
                let picture = Picture { path: file.path, region, transform: None };
                queries.push(Question { name, group: group.clone(), pictures: vec![picture], right, junk });
            }
        }
        if without > 0 {
            output::note(&format!("{without} files among the queries have no right answer and are left out"));
        }
        let queries = together(queries, usize::try_from(self.pictures).unwrap_or(usize::MAX));
        if queries.is_empty() && self.pictures > 1 {
            return Err(CliError::Usage(format!(
                "--pictures: no {} queries have the same right answers",
                self.pictures
            )));
        }
        self.common.measure(&Protocol { name: "instance", references, distractors, queries, written: Vec::new() })
    }
}

/// Questions of `count` pictures, each of those with the same right answers.
fn together(queries: Vec<Question>, count: usize) -> Vec<Question> {
    let mut begun: BTreeMap<Vec<usize>, Question> = BTreeMap::new();
    let mut whole = Vec::new();
    for query in queries {
        let set = match begun.remove(&query.right) {
            Some(mut set) => {
                set.pictures.extend(query.pictures);
                set.junk.extend(query.junk);
                set
            }
            None => query,
        };
        if set.pictures.len() == count {
            whole.push(set);
        } else {
            begun.insert(set.right.clone(), set);
        }
    }
    whole
}

fn positions(names: impl Iterator<Item = String>) -> HashMap<String, Vec<usize>> {
    let mut positions: HashMap<String, Vec<usize>> = HashMap::new();
    names.enumerate().for_each(|(at, name)| positions.entry(name).or_default().push(at));
    positions
}

/// What a file says of a query.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stated {
    Right(Vec<String>),
    More(More),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct More {
    right: Vec<String>,
    #[serde(default)]
    junk: Vec<String>,
    region: Option<[f64; 4]>,
}

/// The same, with positions among the references.
#[derive(Debug, Clone, PartialEq, Default)]
struct Truth {
    right: Vec<usize>,
    junk: Vec<usize>,
    region: Option<QueryRegion>,
}

/// What a file states of all queries, by their names.
struct GroundTruth(HashMap<String, Truth>);

impl GroundTruth {
    fn read(path: &std::path::Path, references: &[Named]) -> Result<Self, CliError> {
        Self::parse(&read(path)?, references)
            .map_err(|reason| CliError::Usage(format!("--ground-truth {}: {reason}", path.display())))
    }

    fn parse(json: &[u8], references: &[Named]) -> Result<Self, String> {
        let stated: BTreeMap<String, Stated> = serde_json::from_slice(json)
            .map_err(|e| format!("not an object of lists of names, or of objects with right, junk and region: {e}"))?;
        let by_name = positions(references.iter().map(|f| f.name.clone()));
        let by_stem = positions(references.iter().map(Named::stem));
        let found = |query: &str, names: Vec<String>| {
            let mut found: Vec<usize> = Vec::new();
            for name in names {
                let at = by_name.get(&name).or_else(|| by_stem.get(&name));
                found.extend(at.ok_or_else(|| format!("{query:?}: there is no reference {name:?}"))?);
            }
            found.sort_unstable();
            found.dedup();
            Ok::<_, String>(found)
        };
        let mut truths = HashMap::new();
        for (query, stated) in stated {
            let More { right, junk, region } = match stated {
                Stated::Right(right) => More { right, junk: Vec::new(), region: None },
                Stated::More(more) => more,
            };
            let region = region.map(QueryRegion::new).transpose().map_err(|e| format!("{query:?}: {e}"))?;
            let (right, mut junk) = (found(&query, right)?, found(&query, junk)?);
            junk.retain(|at| !right.contains(at));
            truths.insert(query, Truth { right, junk, region });
        }
        Ok(Self(truths))
    }

    fn of(&self, query: &Named) -> Option<&Truth> {
        self.0.get(&query.name).or_else(|| self.0.get(&query.stem()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Named {
        Named { name: name.to_owned(), path: PathBuf::from(name) }
    }

    #[test]
    fn a_subset_keeps_numbers_of_its_parity_only() {
        assert!(Subset::Odd.keeps("007") && !Subset::Odd.keeps("008") && !Subset::Odd.keeps("a7"));
        assert!(Subset::Even.keeps("10") && !Subset::Even.keeps("11") && !Subset::Even.keeps(""));
        assert!(Subset::All.keeps("a7"));
    }

    #[test]
    fn queries_with_the_same_right_answers_are_asked_together() {
        let query = |name: &str, right: usize| Question {
            name: name.to_owned(),
            group: "g".to_owned(),
            pictures: vec![named(name).picture()],
            right: vec![right],
            junk: vec![name.len() + right],
        };
        let queries = vec![query("a", 1), query("b", 0), query("c", 1), query("d", 1), query("e", 0)];
        let shown = |count| {
            let sets = together(queries.clone(), count);
            sets.iter().map(|set| (set.name.clone(), set.pictures.len())).collect::<Vec<_>>()
        };
        assert_eq!(shown(2), [("a".to_owned(), 2), ("b".to_owned(), 2)]);
        assert_eq!(shown(3), [("a".to_owned(), 3)]);
        // What is junk to one of the pictures is to all of them.
        assert_eq!(together(queries.clone(), 2)[0].junk, [2, 2]);
        assert_eq!(shown(1).into_iter().map(|(name, _)| name).collect::<String>(), "abcde");
    }

    #[test]
    fn a_ground_truth_names_several_right_answers() {
        let references = [named("a.jpg"), named("b.jpg"), named("sub/c.png")];
        let truth = GroundTruth::parse(br#"{"q1.jpg": ["b.jpg", "a", "a.jpg"], "q2": ["sub/c.png"]}"#, &references)
            .expect("valid");
        let right = |name: &str| truth.of(&named(name)).map(|truth| truth.right.clone());
        assert_eq!(right("q1.jpg"), Some(vec![0, 1]));
        assert_eq!(right("q2.png"), Some(vec![2]));
        assert_eq!(right("q3.png"), None);
    }

    #[test]
    fn a_ground_truth_names_junk_and_a_region() {
        let references = [named("a.jpg"), named("b.jpg"), named("c.jpg")];
        let json = br#"{"q": {"right": ["a"], "junk": ["b", "a"], "region": [0.5, 0, 0.5, 1]}}"#;
        let truth = GroundTruth::parse(json, &references).expect("valid");
        let region = Some(QueryRegion::new([0.5, 0.0, 0.5, 1.0]).expect("a region"));
        assert_eq!(truth.of(&named("q.jpg")), Some(&Truth { right: vec![0], junk: vec![1], region }));
        let refused = |json: &[u8]| GroundTruth::parse(json, &references).err().expect("refused");
        assert!(refused(br#"{"q": {"right": ["a"], "region": [0.5, 0, 0.6, 1]}}"#).contains("\"q\": "));
        assert!(refused(br#"{"q": {"right": ["a"], "yunk": []}}"#).contains("right, junk and region"));
    }

    #[test]
    fn a_ground_truth_with_an_unknown_reference_is_refused() {
        let refused = |json: &[u8]| GroundTruth::parse(json, &[named("a.jpg")]).err().expect("refused");
        assert!(refused(br#"{"q": ["z.jpg"]}"#).contains("no reference \"z.jpg\""));
        assert!(refused(br#"{"q": "a.jpg"}"#).contains("not an object of lists"));
    }
}
