//! `eyrie eval instance`: the same thing photographed again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::features::{Picture, read};
use super::protocol::{Named, Protocol, Question, list};
use super::run::{Common, FIGURES};
use crate::commands::machine::Machine;
use eyrie_terminal::CliError;
use eyrie_terminal::output;

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
    /// references. Without it the references with the query's name, extension aside, are right
    #[arg(long, value_name = "FILE")]
    ground_truth: Option<PathBuf>,
    /// Only the queries whose name, extension aside, is an odd or an even number: tune on one half,
    /// report the other
    #[arg(long, value_name = "HALF", default_value = "all")]
    subset: Subset,
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
                let right = match &truth {
                    Some(truth) => truth.right(&file),
                    None => by_stem.get(&file.stem()),
                };
                let Some(right) = right.filter(|r| !r.is_empty()) else {
                    without += 1;
                    continue;
                };
                let name = format!("{group}/{}", file.name);
                let picture = Picture { path: file.path, transform: None };
                queries.push(Question { name, group: group.clone(), picture, right: right.clone() });
            }
        }
        if without > 0 {
            output::note(&format!("{without} files among the queries have no right answer and are left out"));
        }
        self.common.measure(&Protocol { name: "instance", references, distractors, queries, written: Vec::new() })
    }
}

fn positions(names: impl Iterator<Item = String>) -> HashMap<String, Vec<usize>> {
    let mut positions: HashMap<String, Vec<usize>> = HashMap::new();
    names.enumerate().for_each(|(at, name)| positions.entry(name).or_default().push(at));
    positions
}

/// The right answers that a file states.
struct GroundTruth {
    right: HashMap<String, Vec<usize>>,
}

impl GroundTruth {
    fn read(path: &std::path::Path, references: &[Named]) -> Result<Self, CliError> {
        Self::parse(&read(path)?, references)
            .map_err(|reason| CliError::Usage(format!("--ground-truth {}: {reason}", path.display())))
    }

    fn parse(json: &[u8], references: &[Named]) -> Result<Self, String> {
        let stated: BTreeMap<String, Vec<String>> =
            serde_json::from_slice(json).map_err(|e| format!("not an object of lists of names: {e}"))?;
        let by_name = positions(references.iter().map(|f| f.name.clone()));
        let by_stem = positions(references.iter().map(Named::stem));
        let mut right = HashMap::new();
        for (query, names) in stated {
            let mut found: Vec<usize> = Vec::new();
            for name in names {
                let at = by_name.get(&name).or_else(|| by_stem.get(&name));
                found.extend(at.ok_or_else(|| format!("{query:?}: there is no reference {name:?}"))?);
            }
            found.sort_unstable();
            found.dedup();
            right.insert(query, found);
        }
        Ok(Self { right })
    }

    fn right(&self, query: &Named) -> Option<&Vec<usize>> {
        self.right.get(&query.name).or_else(|| self.right.get(&query.stem()))
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
    fn a_ground_truth_names_several_right_answers() {
        let references = [named("a.jpg"), named("b.jpg"), named("sub/c.png")];
        let truth = GroundTruth::parse(br#"{"q1.jpg": ["b.jpg", "a", "a.jpg"], "q2": ["sub/c.png"]}"#, &references)
            .expect("valid");
        assert_eq!(truth.right(&named("q1.jpg")), Some(&vec![0, 1]));
        assert_eq!(truth.right(&named("q2.png")), Some(&vec![2]));
        assert_eq!(truth.right(&named("q3.png")), None);
    }

    #[test]
    fn a_ground_truth_with_an_unknown_reference_is_refused() {
        let refused = |json: &[u8]| GroundTruth::parse(json, &[named("a.jpg")]).err().expect("refused");
        assert!(refused(br#"{"q": ["z.jpg"]}"#).contains("no reference \"z.jpg\""));
        assert!(refused(br#"{"q": "a.jpg"}"#).contains("not an object of lists"));
    }
}
