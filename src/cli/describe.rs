//! `eyrie describe`: descriptors without a database.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use crate::app::StartError;
use crate::config::Override;
use crate::domain::Profile;
use eyrie_vision::Describer;
use eyrie_vision::describe::{Extraction, Extractor as _, Request};
use eyrie_vision::picture::{DecodeLimits, decode, encode_png};

use super::settings::Settings;
use eyrie_terminal::CliError;
use eyrie_terminal::output::{self, grouped};

const EXAMPLES: &str = "\
Examples:
  eyrie describe photo.jpg
  eyrie describe *.jpg --profile fast --json
  eyrie describe photo.jpg --isa scalar              the same descriptor, slowly
  eyrie describe logo.gif --pixels seen.png          the picture as Eyrie sees it

The chip's cycles are exact for the model of the chip; its time and energy are estimates from them. No database \
is opened.";

/// Values of a descriptor that are shown to people; the JSON has all.
const VALUES_SHOWN: usize = 8;

/// Print the descriptor of images, and what it costs on the simulated chip
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Describe {
    /// The images
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// fast (one pass through the network), nip (four) or rnip (10 for a 4:3 image, up to 14)
    #[arg(long, value_name = "PROFILE", default_value_t = Profile::Rnip)]
    profile: Profile,
    /// Instruction set: auto, scalar, avx2, avxvnni, avx512vnni, amx or neon [env:
    /// EYRIE_EXTRACTOR__ISA] [default: auto]
    #[arg(long, value_name = "ISA")]
    isa: Option<String>,
    /// Threads, 0 for one on each CPU core [env: EYRIE_EXTRACTOR__THREADS] [default: 0]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Write the picture as Eyrie sees it to this PNG: upright, over its ground, in sRGB (of one
    /// image only)
    #[arg(long, value_name = "PNG")]
    pixels: Option<PathBuf>,
    /// Print JSON: a list with one object an image, in the order given
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

impl Describe {
    pub(super) fn run(self) -> Result<(), CliError> {
        let isa = self.isa.map(|value| Override { flag: "--isa", key: "extractor.isa", value });
        let threads =
            self.threads.map(|n| Override { flag: "--threads", key: "extractor.threads", value: n.to_string() });
        let loaded = self.settings.load_quietly(isa.into_iter().chain(threads))?;
        if let Some(pixels) = &self.pixels {
            let [file] = self.files.as_slice() else {
                return Err(CliError::Usage("--pixels takes one image: it writes one PNG".to_owned()));
            };
            write_pixels(file, pixels, loaded.config.extractor.describer.limits())
                .map_err(|reason| CliError::Failed(format!("{}: {reason}", file.display())))?;
        }
        let mut extractor = Describer::load(&loaded.config.extractor.describer).map_err(StartError::from)?.extractor();

        let mut described = Vec::new();
        let mut failed = false;
        for file in &self.files {
            let extraction = std::fs::read(file).map_err(|e| format!("cannot be read: {e}")).and_then(|bytes| {
                extractor.extract(&bytes, Request::descriptor(self.profile)).map_err(|e| e.to_string())
            });
            match extraction {
                Ok(extraction) if self.json => described.push(as_json(file, &extraction)),
                Ok(extraction) => output::results(|out| as_text(out, file, &extraction))?,
                Err(reason) => {
                    failed = true;
                    output::note(&format!("{}: {reason}", file.display()));
                }
            }
        }
        if self.json {
            output::json(&described)?;
        }
        if failed { Err(CliError::Reported) } else { Ok(()) }
    }
}

/// Writes what the decoder shows.
fn write_pixels(file: &Path, png: &Path, limits: DecodeLimits) -> Result<(), String> {
    let bytes = std::fs::read(file).map_err(|e| format!("cannot be read: {e}"))?;
    let picture = decode(&bytes, limits).map_err(|e| e.to_string())?;
    let encoded = encode_png(&picture).map_err(|e| e.to_string())?;
    std::fs::write(png, encoded).map_err(|e| format!("cannot write {}: {e}", png.display()))
}

fn as_json(file: &Path, extraction: &Extraction) -> Value {
    json!({
        "file": file.display().to_string(),
        "version": extraction.version.to_string(),
        "dimension": extraction.descriptor.dimension(),
        "descriptor": extraction.descriptor.values(),
        "format": extraction.format,
        "width": extraction.width,
        "height": extraction.height,
        "cost": extraction.cost,
    })
}

fn as_text(out: &mut dyn Write, file: &Path, extraction: &Extraction) -> io::Result<()> {
    let values = extraction.descriptor.values();
    let cost = &extraction.cost;
    let shown: Vec<String> = values.iter().take(VALUES_SHOWN).map(|v| format!("{v:.4}")).collect();
    let [low, high] = cost.energy_millijoules;
    writeln!(out, "{}", file.display())?;
    writeln!(out, "  image       {}x{} {}", extraction.width, extraction.height, extraction.format.as_str())?;
    writeln!(out, "  version     {}", extraction.version)?;
    writeln!(out, "  descriptor  {} values: {} ... (--json prints all)", values.len(), shown.join(" "))?;
    writeln!(
        out,
        "  chip        {} {}, {} cycles, {:.1} ms, {low:.1} to {high:.1} mJ, {} bytes of image buffer",
        cost.passes,
        if cost.passes == 1 { "pass" } else { "passes" },
        grouped(cost.cycles),
        cost.chip_milliseconds,
        grouped(cost.buffer_bytes),
    )?;
    writeln!(out, "  this host   {:.1} ms", cost.host_milliseconds)
}
