//! `eyrie bench extract`: passes of the network against the roof of the CPU, and whole extractions
//! step by step.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use crate::commands::machine::Machine;
use eyrie_chip::{Algorithm, Arena, Kernels};
use eyrie_terminal::CliError;
use eyrie_terminal::output::{self, grouped};
use eyrie_vision::Describer;
use eyrie_vision::describe::Profile;
use eyrie_vision::describe::{AsicExtractor, Extractor as _, Request, StepTimes};
use eyrie_vision::picture::{INPUT_BYTES, INPUT_SIDE, sample_jpeg};

const HELP: &str = "\
Examples:
  eyrie bench extract
  eyrie bench extract --isa avx2 --threads 1 --json
  eyrie bench extract --image photo.jpg --profile fast

The roof is what a bare loop of the same multiplications reaches on as many threads in the same run: the share of it \
says how much of the CPU the network uses. Where layers are computed by Winograd's minimal filtering, the share counts the \
products that are left, and the direct way is measured beside it, in turns (extractor.algorithm chooses one for good). Run it \
on an idle machine, and more than once.";

/// Width and height of the picture that is described where none is named: one megapixel.
const SAMPLE: (u32, u32) = (1152, 864);

/// How long a bare loop is timed before and after the passes.
const ROOF_TIME: Duration = Duration::from_millis(300);

/// Measure passes of the network and whole extractions, on a synthetic JPEG of one megapixel or
/// your own picture
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(super) struct Extract<M: Machine> {
    /// Describe this picture instead of the synthetic one
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
    /// The profile of the extractions: fast, nip or rnip
    #[arg(long, value_name = "PROFILE", default_value_t = Profile::Rnip)]
    profile: Profile,
    /// Images that pass the network together
    #[arg(long, value_name = "N", default_value_t = 9, value_parser = clap::value_parser!(u16).range(1..=64))]
    batch: u16,
    /// Instruction set: auto, scalar, avx2, avxvnni, avx512vnni, amx or neon [env:
    /// EYRIE_EXTRACTOR__ISA] [default: auto]
    #[arg(long, value_name = "ISA")]
    isa: Option<String>,
    /// Threads, 0 for one on each CPU core [env: EYRIE_EXTRACTOR__THREADS] [default: 0]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Seconds for the passes, and as many for the extractions
    #[arg(long, value_name = "S", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// Print JSON: one object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    machine: M,
}

#[derive(Debug, Serialize)]
struct Timings {
    isa: &'static str,
    threads: usize,
    batch: u16,
    #[serde(flatten)]
    passes: PassTimings,
    /// The same passes with every product computed, where fewer are.
    direct: Option<PassTimings>,
    /// What a bare loop reaches: billions of products a second.
    roof_gmac_per_s: f64,
    /// Memory of the passes.
    arena_bytes: usize,
    extraction: ExtractionTimings,
}

#[derive(Debug, Serialize)]
struct PassTimings {
    /// Passes that were timed.
    passes: usize,
    ms_per_pass: Milliseconds,
    /// Billions of multiply-accumulates of the definition a second, by the median.
    gmac_per_s: f64,
    /// Products that are computed for a pass.
    products: u64,
    /// Billions of products a second, by the median.
    gproducts_per_s: f64,
    /// Products over what the bare loop makes in the same time.
    roof_share: f64,
}

#[derive(Debug, Serialize)]
struct ExtractionTimings {
    profile: Profile,
    width: u32,
    height: u32,
    file_bytes: usize,
    passes: u32,
    runs: usize,
    ms: Milliseconds,
    /// Means over the runs.
    steps_ms: Steps,
}

#[derive(Debug, Serialize)]
struct Steps {
    decode: f64,
    scale: f64,
    network: f64,
    pool: f64,
    describe: f64,
    thumbnail: f64,
}

#[derive(Debug, Serialize)]
struct Milliseconds {
    min: f64,
    median: f64,
}

impl<M: Machine> Extract<M> {
    pub(super) fn run(self) -> Result<(), CliError> {
        let options = self.machine.describer_options(self.isa.as_deref(), self.threads)?;
        let describer = crate::commands::machine::load(&options)?;
        let upload = match &self.image {
            Some(path) => {
                std::fs::read(path).map_err(|e| CliError::Failed(format!("cannot read {}: {e}", path.display())))?
            }
            None => sample_jpeg(SAMPLE.0, SAMPLE.1).map_err(|e| CliError::Failed(e.to_string()))?,
        };
        let time = Duration::from_secs(self.seconds);
        // First, so that a picture that cannot be described is told at once.
        let extraction = extractions(&mut describer.extractor(), &upload, self.profile, time)?;

        let threads = describer.team.threads();
        let before = roof(describer.kernels, threads);
        let chosen = describer.kernels;
        let direct = chosen.with_algorithm(Algorithm::Direct);
        let products = |kernels| describer.model.network().products(kernels, INPUT_SIDE, INPUT_SIDE);
        let ways = if products(chosen) == products(direct) { vec![chosen] } else { vec![chosen, direct] };
        let (runs, arena_bytes) = passes(&describer, &ways, usize::from(self.batch), time);
        let roof = before.max(roof(describer.kernels, threads));
        let timings = |kernels: Kernels, runs: &[Duration]| {
            let ms_per_pass = milliseconds(runs, usize::from(self.batch));
            let gproducts_per_s = products(kernels) as f64 / ms_per_pass.median / 1e6;
            PassTimings {
                passes: runs.len() * usize::from(self.batch),
                gmac_per_s: describer.model.pass_cost().macs as f64 / ms_per_pass.median / 1e6,
                ms_per_pass,
                products: products(kernels),
                gproducts_per_s,
                roof_share: gproducts_per_s * 1e9 / roof,
            }
        };
        let timings = Timings {
            isa: describer.kernels.isa().name(),
            threads,
            batch: self.batch,
            passes: timings(chosen, &runs[0]),
            direct: runs.get(1).map(|runs| timings(direct, runs)),
            roof_gmac_per_s: roof / 1e9,
            arena_bytes,
            extraction,
        };
        if self.json { output::json(&timings) } else { output::results(|out| timings.write(out)) }
    }
}

/// Times of whole extractions.
fn extractions(
    extractor: &mut AsicExtractor,
    upload: &[u8],
    profile: Profile,
    time: Duration,
) -> Result<ExtractionTimings, CliError> {
    let request = Request { thumbnail: true, ..Request::descriptor(profile) };
    let mut extract = || extractor.extract(upload, request).map_err(|e| CliError::Failed(e.to_string()));
    // The first one fills caches and buffers.
    let first = extract()?;
    let mut runs = Vec::new();
    let start = Instant::now();
    while runs.len() < 3 || start.elapsed() < time {
        let run = Instant::now();
        extract()?;
        runs.push(run.elapsed());
    }
    let StepTimes { decode, scale, network, pool, describe, thumbnail } = extractor.take_times();
    // The times hold the first run too.
    let mean = |sum: Duration| sum.as_secs_f64() * 1e3 / (runs.len() + 1) as f64;
    Ok(ExtractionTimings {
        profile,
        width: first.width,
        height: first.height,
        file_bytes: upload.len(),
        passes: first.cost.passes,
        runs: runs.len(),
        ms: milliseconds(&runs, 1),
        steps_ms: Steps {
            decode: mean(decode),
            scale: mean(scale),
            network: mean(network),
            pool: mean(pool),
            describe: mean(describe),
            thumbnail: mean(thumbnail),
        },
    })
}

/// Times of batches of `batch` passes, of each of `ways` in turn, and the bytes of memory they
/// need.
fn passes(describer: &Describer, ways: &[Kernels], batch: usize, time: Duration) -> (Vec<Vec<Duration>>, usize) {
    let network = describer.model.network();
    let mut arena = Arena::new(network, INPUT_SIDE, INPUT_SIDE, batch, std::sync::Arc::clone(&describer.team));
    let images: Vec<u8> =
        (0..(batch * INPUT_BYTES) as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut run = |kernels: Kernels| {
        let start = Instant::now();
        network.run(kernels, &mut arena, &images, INPUT_SIDE, INPUT_SIDE);
        start.elapsed()
    };
    for &kernels in ways {
        run(kernels);
    }
    let start = Instant::now();
    let mut runs = vec![Vec::new(); ways.len()];
    while runs[0].len() < 3 || start.elapsed() < time * ways.len() as u32 {
        for (runs, &kernels) in runs.iter_mut().zip(ways) {
            runs.push(run(kernels));
        }
    }
    (runs, arena.bytes())
}

/// Multiply-accumulates a second of bare loops on `threads` threads at once.
fn roof(kernels: Kernels, threads: usize) -> f64 {
    const STEPS: u64 = 10_000;
    std::thread::scope(|scope| {
        let bare = || {
            let start = Instant::now();
            let mut macs = 0;
            while start.elapsed() < ROOF_TIME {
                macs += kernels.bare_products(STEPS);
            }
            macs as f64 / start.elapsed().as_secs_f64()
        };
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(bare)).collect();
        bare() + others.into_iter().map(|other| other.join().unwrap_or(0.0)).sum::<f64>()
    })
}

/// The least and the middle of `runs`, each divided by `parts`.
fn milliseconds(runs: &[Duration], parts: usize) -> Milliseconds {
    let mut sorted = runs.to_vec();
    sorted.sort_unstable();
    let of = |run: Duration| run.as_secs_f64() * 1e3 / parts as f64;
    Milliseconds { min: of(sorted[0]), median: of(sorted[sorted.len() / 2]) }
}

impl Timings {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{} on {} thread(s), batches of {}", self.isa, self.threads, self.batch)?;
        for (name, timings) in [("pass", Some(&self.passes)), ("direct", self.direct.as_ref())] {
            let Some(PassTimings { passes, ms_per_pass, products, gproducts_per_s, roof_share, .. }) = timings else {
                continue;
            };
            let Milliseconds { min, median } = ms_per_pass;
            writeln!(
                out,
                "  {name:<12}{median:.2} ms (least {min:.2}), {} passes, {} products each",
                grouped(*passes as u64),
                grouped(*products)
            )?;
            writeln!(
                out,
                "    roof      {gproducts_per_s:.0} of {:.0} billion products a second: {:.0} %",
                self.roof_gmac_per_s,
                100.0 * roof_share
            )?;
        }
        writeln!(out, "  memory      {} bytes", grouped(self.arena_bytes as u64))?;
        let ExtractionTimings { profile, width, height, file_bytes, passes, runs, ms, steps_ms } = &self.extraction;
        let Milliseconds { min, median } = ms;
        writeln!(
            out,
            "  extraction  {median:.1} ms (least {min:.1}): {profile}, {passes} pass(es), {width}x{height}, {} bytes, {runs} runs",
            grouped(*file_bytes as u64),
        )?;
        let Steps { decode, scale, network, pool, describe, thumbnail } = *steps_ms;
        let all = decode + scale + network + pool + describe + thumbnail;
        for (name, ms) in [
            ("decode", decode),
            ("scale", scale),
            ("network", network),
            ("pool", pool),
            ("describe", describe),
            ("thumbnail", thumbnail),
        ] {
            writeln!(out, "    {name:<10}{ms:>9.2} ms  {:>5.1} %", 100.0 * ms / all)?;
        }
        Ok(())
    }
}
