//! `eyrie bench index`: the search index on descriptors like those of pictures.

mod clocks;
mod draw;
mod measure;
mod report;

use std::path::PathBuf;

use clap::Args;
use eyrie_index::Params;

use self::draw::Source;
use self::measure::Part;
use crate::commands::machine::{self, Machine};
use eyrie_terminal::{CliError, Progress, files, output};
use eyrie_vision::describe::{Extractor as _, Profile, Request};

const HELP: &str = "\
Examples:
  eyrie bench index
  eyrie bench index --images ~/photos --count 1000000 --work /tmp/million
  eyrie bench index --work /tmp/million --parts curve,filters --candidates 32,64,128 --json

The descriptors are drawn between real ones and their neighbours: those of your pictures (--images), of a file (--descriptors) or, \
without either, made-up ones. They stay in the folder of --work, as does the index, so that a second run opens what the first \
one built. Times of searches are processor time of their thread, those of several threads are times by the clock. Run it on an \
idle machine. benches/peers/index in the sources measures other indexes on the same descriptors.";

/// Measure the search index: build, memory, recall against time, several threads, filters, changes
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(super) struct Index<M: Machine> {
    /// Descriptors in the index
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1000..=100_000_000))]
    count: u32,
    /// Searches
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(100..=100_000))]
    queries: u32,
    /// Values of a descriptor
    #[arg(long, value_name = "N", default_value_t = 768, value_parser = clap::value_parser!(u16).range(2..=4096))]
    dimension: u16,
    /// Describe the pictures in this folder and draw between their descriptors
    #[arg(long, value_name = "FOLDER", conflicts_with = "descriptors")]
    images: Option<PathBuf>,
    /// Draw between the descriptors of this file: rows of little-endian 32-bit floats
    #[arg(long, value_name = "FILE")]
    descriptors: Option<PathBuf>,
    /// Keep descriptors and index in this folder and use those that are there [default: a folder
    /// that is removed]
    #[arg(long, value_name = "FOLDER")]
    work: Option<PathBuf>,
    /// Only draw the descriptors into the folder of --work: what benches/peers/index takes
    #[arg(long, requires = "work")]
    draw_only: bool,
    /// What is measured, with commas between: curve, threads, filters, churn, beside
    #[arg(long, value_name = "PARTS", value_delimiter = ',', default_value = "curve,threads,filters,churn,beside")]
    parts: Vec<Part>,
    /// Candidates of the searches of the curve, with commas between
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "16,24,32,48,64,80,100,128,160,200,250",
        value_parser = clap::value_parser!(u32).range(1..=100_000))]
    candidates: Vec<u32>,
    /// Links of each point, 2 to 255
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u8).range(2..))]
    m: u8,
    /// Candidates while a point is inserted
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    ef_construction: u32,
    /// Threads that link points, 0 for one on each CPU core [env: EYRIE_EXTRACTOR__THREADS]
    /// [default: 0]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Print JSON: one object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    machine: M,
}

impl<M: Machine> Index<M> {
    pub(super) fn run(self) -> Result<(), CliError> {
        let removed = tempfile::tempdir().map_err(|e| CliError::Failed(format!("cannot make a folder: {e}")))?;
        let work = self.work.as_deref().unwrap_or(removed.path());
        let dimension = usize::from(self.dimension);
        let wanted = draw::Wanted { count: self.count as usize, queries: self.queries as usize, dimension };
        if !draw::is_there(work, &wanted)? {
            draw::draw(work, &wanted, self.source()?)?;
        }
        if self.draw_only {
            return Ok(());
        }
        let threads = match self.machine.describer_options(None, self.threads)?.threads {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            threads => threads,
        };
        let params = Params {
            m: usize::from(self.m),
            ef_construction: self.ef_construction as usize,
            ef_search: 128,
            exact_below: 2000,
            threads,
        };
        let candidates = self.candidates.iter().map(|n| *n as usize).collect();
        let report = measure::Measure { work, wanted, params, candidates, parts: &self.parts }.run()?;
        if self.json { output::json(&report) } else { output::results(|out| report.write(out)) }
    }

    /// What is drawn between.
    fn source(&self) -> Result<Source, CliError> {
        let dimension = usize::from(self.dimension);
        if let Some(path) = &self.descriptors {
            return Ok(Source::Real(draw::read(path, dimension)?));
        }
        let Some(folder) = &self.images else { return Ok(Source::MadeUp) };
        let describer = machine::load(&self.machine.describer_options(None, self.threads)?)?;
        if describer.model.dimension() != dimension {
            let made = describer.model.dimension();
            return Err(CliError::Usage(format!("the model makes descriptors of {made} values: --dimension {made}")));
        }
        let found = files::find(std::slice::from_ref(folder), None)?;
        let mut extractor = describer.extractor();
        let progress = Progress::start("describing", found.len());
        let mut real = Vec::new();
        for file in found {
            progress.step();
            let described = std::fs::read(&file.path).map_err(|e| e.to_string()).and_then(|bytes| {
                extractor.extract(&bytes, Request::descriptor(Profile::Rnip)).map_err(|e| e.to_string())
            });
            match described {
                Ok(found) => real.push(found.descriptor.values().to_vec()),
                Err(error) => progress.note(&format!("{}: {error}", file.relative)),
            }
        }
        progress.end();
        Ok(Source::Real(real))
    }
}
