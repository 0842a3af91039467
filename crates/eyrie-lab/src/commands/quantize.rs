//! `eyrie quantize`: from float weights to a model file.

use std::path::{Path, PathBuf};

use clap::Args;
use rayon::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::quantize::{FloatVgg, Options, Progress as Quantizing, QuantizeReport, quantize};
use eyrie_vision::describe::{Model, RegionPlan, SubImage};
use eyrie_vision::picture::{self, Decoded, INPUT_BYTES, INPUT_SIDE, PictureError, Scaler};

use super::whiten::{LIMITS, Learned, Learning, failed, read, write_model};
use eyrie_terminal::CliError;
use eyrie_terminal::Progress;
use eyrie_terminal::files;
use eyrie_terminal::output::{self, grouped};

const EXAMPLES: &str = "\
Examples:
  eyrie quantize --weights vgg16.safetensors --images calibration/ --out model.eyrie
  eyrie quantize --weights vgg16.safetensors --images calibration/ --out try.eyrie --limit 300 --whitening-images 100
  EYRIE_EXTRACTOR__MODEL=model.eyrie eyrie serve

About 2,000 varied photographs serve well; labels are not needed. The same weights, images and flags give the \
same file on the same CPU. The work takes most of an hour on two cores; each phase shows the time left.";

/// Every so many-th image is held out of the calibration and only measured.
const HELD_OUT_EVERY: usize = 20;

/// Make a 2-bit model from the float weights of a VGG-16 and a folder of images
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Quantize {
    /// Float weights (safetensors with convB_L.weight and convB_L.bias)
    #[arg(long, value_name = "FILE")]
    weights: PathBuf,
    /// Folder of calibration images
    #[arg(long, value_name = "DIR")]
    images: PathBuf,
    /// The model file to write; it is written beside its place first and then put there in one step
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Only the first N files in the order of names
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Seed of the sampled positions
    #[arg(long, value_name = "N", default_value_t = Options::default().seed)]
    seed: u64,
    /// Where the weights come from; stored in the model's card
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "VGG-16 of K. Simonyan and A. Zisserman (2014), ImageNet weights as distributed with torchvision"
    )]
    origin: String,
    #[command(flatten)]
    whitening: Learning,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// An image of the calibration.
struct Sample {
    path: PathBuf,
    /// 224x224 pixels, RGB.
    rgb: Vec<u8>,
}

impl Quantize {
    /// Runs it.
    ///
    /// # Errors
    /// [`CliError`].
    pub fn run(self) -> Result<(), CliError> {
        let weights_bytes = read(&self.weights)?;
        let weights = FloatVgg::from_safetensors(&weights_bytes).map_err(failed)?;
        let samples = decode(&self.images, self.limit)?;

        let options = Options { seed: self.seed, held_out: 1.0 / HELD_OUT_EVERY as f64, ..Options::default() };
        let images: Vec<Vec<u8>> = samples.iter().map(|sample| sample.rgb.clone()).collect();
        let mut shown = Shown::default();
        let (network, report) =
            quantize(&weights, &images, &options, &mut |progress| shown.update(progress)).map_err(failed)?;
        shown.end();
        drop(images);

        let paths: Vec<&Path> = samples.iter().map(|s| s.path.as_path()).collect();
        let Learned { whitenings, levels } = self.whitening.learn(&network, &paths)?;
        let mut card = self.card(&weights_bytes, &samples, &report);
        self.whitening.note_in(&mut card, paths.len(), levels);
        let file = write_model(&self.out, network, whitenings, &card)?;
        self.tell(&file, &report)
    }

    /// Facts of the making, without times or paths: the same input gives the same card.
    fn card(&self, weights: &[u8], samples: &[Sample], report: &QuantizeReport) -> Value {
        let layers = report.layers.iter().map(|layer| {
            json!({
                "name": layer.name,
                "codebook": layer.codebook,
                "error": rounded(layer.error),
                "cosine": rounded(layer.cosine),
            })
        });
        json!({
            "network": "VGG-16, conv1_1 to pool5, 2-bit weights, 5-bit activations",
            "origin": self.origin,
            "weights_sha256": hex(weights),
            "images_sha256": hex(&samples.iter().flat_map(|s| Sha256::digest(&s.rgb)).collect::<Vec<u8>>()),
            "calibration_images": report.calibration_images,
            "held_out_images": report.held_out_images,
            "held_out_cosine": report.held_out_cosine.map(rounded),
            "seed": self.seed,
            "layers": layers.collect::<Vec<_>>(),
        })
    }

    fn tell(&self, file: &[u8], report: &QuantizeReport) -> Result<(), CliError> {
        let model = Model::from_bytes(file).map_err(failed)?;
        let fingerprint = model.fingerprint();
        if self.json {
            let layers = report.layers.iter().map(|layer| {
                json!({
                    "name": layer.name,
                    "codebook": layer.codebook,
                    "inherited_error": layer.inherited_error,
                    "plain_error": layer.plain_error,
                    "error": layer.error,
                    "rectified_error": layer.rectified_error,
                    "cap": layer.cap,
                    "cosine": layer.cosine,
                    "samples": layer.samples,
                    "image_seconds": layer.image_seconds,
                    "solve_seconds": layer.solve_seconds,
                })
            });
            return output::json(&json!({
                "file": self.out.display().to_string(),
                "bytes": file.len(),
                "fingerprint": fingerprint,
                "layers": layers.collect::<Vec<_>>(),
                "calibration_images": report.calibration_images,
                "held_out_images": report.held_out_images,
                "calibration_cosine": report.calibration_cosine,
                "held_out_cosine": report.held_out_cosine,
                "seconds": report.seconds,
            }));
        }
        let mut table = output::table([
            "LAYER",
            "CODEBOOK",
            "INHERITED",
            "NEAREST",
            "ERROR",
            "RECTIFIED",
            "CAP",
            "COSINE",
            "SECONDS",
        ]);
        for layer in &report.layers {
            table.add_row([
                layer.name.clone(),
                layer.codebook.map(|level| level.to_string()).join(" "),
                format!("{:.4}", layer.inherited_error),
                format!("{:.4}", layer.plain_error),
                format!("{:.4}", layer.error),
                format!("{:.4}", layer.rectified_error),
                format!("{:.3}", layer.cap),
                format!("{:.4}", layer.cosine),
                format!("{:.0}", layer.image_seconds + layer.solve_seconds),
            ]);
        }
        output::results(|out| {
            writeln!(out, "{}\n", table.trim_fmt())?;
            writeln!(
                out,
                "cosine of the pooled maps, float against 2 bits: {:.4} on {} calibration images{}",
                report.calibration_cosine,
                report.calibration_images,
                report
                    .held_out_cosine
                    .map_or_else(String::new, |cosine| format!(", {cosine:.4} on {} held out", report.held_out_images)),
            )?;
            let (path, bytes) = (self.out.display(), grouped(file.len() as u64));
            writeln!(out, "{path}: {bytes} bytes, fingerprint {fingerprint}, {:.0} s", report.seconds)
        })
    }
}

/// Rounded to what the figures are good for, so that the card is the same on every run.
fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The images of the folder at the chip's size, those that are held out (every twentieth) at the
/// end. A file that is no image is named and left out.
fn decode(folder: &Path, limit: Option<usize>) -> Result<Vec<Sample>, CliError> {
    let files = files::find(&[folder.to_owned()], limit)?;
    let progress = Progress::start("decoding", files.len());
    let decoded: Vec<Option<Sample>> = files
        .into_par_iter()
        .enumerate()
        .map(|(number, file)| {
            let rgb = read(&file.path)
                .map_err(|e| e.to_string())
                .and_then(|bytes| picture::decode(&bytes, LIMITS).map_err(|e| e.to_string()))
                .and_then(|image| seen(&image, number).map_err(|e| e.to_string()));
            progress.step();
            rgb.map_err(|reason| progress.note(&format!("{}: {reason}; left out", file.path.display())))
                .ok()
                .map(|rgb| Sample { path: file.path, rgb })
        })
        .collect();
    progress.end();
    let numbered = decoded.into_iter().flatten().enumerate();
    let (held_out, mut samples): (Vec<_>, Vec<_>) =
        numbered.partition(|(number, _)| number % HELD_OUT_EVERY == HELD_OUT_EVERY - 1);
    samples.extend(held_out);
    Ok(samples.into_iter().map(|(_, sample)| sample).collect())
}

/// What the network sees of the image with this number: of one in three the whole image, upright or
/// turned, as in the profiles `fast` and `nip`; of the others one of its details.
fn seen(image: &Decoded, number: usize) -> Result<Vec<u8>, PictureError> {
    let round = number / 3;
    if number.is_multiple_of(3) {
        let mut whole = picture::whole_image_224(image)?;
        for _ in 0..round % 4 {
            let before = whole.clone();
            picture::turn(&before, INPUT_SIDE, &mut whole);
        }
        return Ok(whole);
    }
    let plan = RegionPlan::detail(image.width, image.height, INPUT_SIDE as u32);
    let mut canvas = Vec::new();
    Scaler::default().scale(image, plan.canvas_width, plan.canvas_height, &mut canvas)?;
    // Coprime to the number of squares of nearly every plan, so that all places come up.
    let SubImage { x, y } = plan.sub_images[7 * round % plan.sub_images.len()];
    let mut square = vec![0; INPUT_BYTES];
    picture::cut(&canvas, plan.canvas_width as usize, x as usize, y as usize, INPUT_SIDE, &mut square);
    Ok(square)
}

/// The progress of the quantiser: a bar for each step of each layer, a line for each layer that is
/// done.
#[derive(Default)]
struct Shown {
    step: Option<(String, Progress)>,
}

impl Shown {
    fn update(&mut self, progress: Quantizing<'_>) {
        match progress {
            Quantizing::Images { layer, step, done, total } => {
                let name = format!("{layer}, {step}");
                if self.step.as_ref().is_none_or(|(shown, _)| *shown != name) {
                    self.end();
                    self.step = Some((name.clone(), Progress::start(name, total)));
                }
                if let Some((_, bar)) = &self.step {
                    bar.set(done);
                }
            }
            Quantizing::Layer(report) => {
                self.end();
                output::note(&format!("{}: error {:.4}, cosine {:.4}", report.name, report.error, report.cosine));
            }
        }
    }

    fn end(&mut self) {
        if let Some((_, bar)) = self.step.take() {
            bar.end();
        }
    }
}
