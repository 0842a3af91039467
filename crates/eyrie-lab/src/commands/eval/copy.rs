//! `eyrie eval copy`: transformed copies of pictures.

use std::path::PathBuf;

use clap::Args;

use super::features::Picture;
use super::protocol::{Protocol, Question, list};
use super::run::{Common, FIGURES};
use crate::commands::machine::Machine;
use crate::eval::Transform;
use eyrie_terminal::CliError;

const EXAMPLES: &str = "\
Examples:
  eyrie eval copy --originals photos --distractors other
  eyrie eval copy --originals photos --profile fast nip --transforms mirror,crop-50,jpeg-10
  eyrie eval copy --originals photos --distractors other --every 10 --html copies.html";

/// Find the originals of transformed copies: recompressed, cropped, turned, relit, written over
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n\nTransforms: {}.\n\n{FIGURES}", Transform::ALL.map(Transform::name).join(", ")))]
pub(super) struct Copy<M: Machine> {
    /// Folder of the originals
    #[arg(long, value_name = "DIR")]
    originals: PathBuf,
    /// Folder of pictures that are no original
    #[arg(long, value_name = "DIR")]
    distractors: Option<PathBuf>,
    /// Only the first N distractors, in the order of names
    #[arg(long, value_name = "N", requires = "distractors")]
    distractor_count: Option<usize>,
    /// Only these transforms
    #[arg(long, value_name = "NAME", value_delimiter = ',', num_args = 1..)]
    transforms: Vec<Transform>,
    /// Copies of every N-th original only; all originals stay in the index
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    every: u32,
    /// Write the copies into this folder as PNG too, a folder for each transform: to measure other
    /// systems on them
    #[arg(long, value_name = "DIR")]
    write_copies: Option<PathBuf>,
    #[command(flatten)]
    common: Common<M>,
}

impl<M: Machine> Copy<M> {
    pub(super) fn run(self) -> Result<(), CliError> {
        let references = list(&self.originals, None)?;
        let distractors = match &self.distractors {
            Some(folder) => list(folder, self.distractor_count)?,
            None => Vec::new(),
        };
        let chosen = Transform::ALL.into_iter().filter(|t| self.transforms.is_empty() || self.transforms.contains(t));
        let every = usize::try_from(self.every).unwrap_or(usize::MAX);
        let queries: Vec<Question> = chosen
            .flat_map(|transform| {
                references.iter().enumerate().step_by(every).map(move |(at, file)| Question {
                    name: format!("{} {transform}", file.name),
                    group: transform.to_string(),
                    pictures: vec![Picture { path: file.path.clone(), region: None, transform: Some(transform) }],
                    right: vec![at],
                    junk: Vec::new(),
                })
            })
            .collect();
        let written = self.write_copies.iter().flat_map(|folder| {
            queries.iter().map(|question| {
                let original = &references[question.right[0]].name;
                (question.pictures[0].clone(), folder.join(&question.group).join(original).with_extension("png"))
            })
        });
        let written = written.collect();
        self.common.measure(&Protocol { name: "copy", references, distractors, queries, written })
    }
}
