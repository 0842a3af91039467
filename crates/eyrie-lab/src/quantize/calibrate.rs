//! The whole way: layer by layer over the calibration images, from the float network to the chip's.
//!
//! Two stages keep the memory low. The maps of the first layers are large and their weights few:
//! they are quantised on a subset of the images. All images then run through them once, and from
//! there on each layer is quantised on all images, whose maps are held and replaced in place.

use std::time::Instant;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::activation::best_step;
use super::chip_form::RealLayer;
use super::codebook::{CANDIDATES, Codebook};
use super::descent::{Observations, descend};
use super::equalise::Scaling;
use super::error::QuantizeError;
use super::float::{DEVIATION, FloatConv, FloatVgg, MEAN};
use super::gptq::{quantize_rows, round_plainly};
use super::moments::{BLOCK_ROWS, Covariance, Moments};
use super::samples::{ImageState, sample_positions, windows};
use super::target::Metric;
use eyrie_chip::{FeatureMap, Kernels, Layer, NetworkParams, SoundConv, Team, max_pool_2x2, run_layer};

/// Images that are worked on between two reports of progress: fixed, so that the result does not
/// depend on the threads.
const IMAGES_AT_ONCE: usize = 16;

/// Samples that choose the step of the activations.
const STEP_SAMPLES: usize = 4096;

/// What the quantiser may vary.
#[derive(Debug, Clone)]
pub struct Options {
    /// Side of the square images in pixels.
    pub side: usize,
    /// Layers that are quantised on a subset of the images.
    pub early_layers: usize,
    /// Images in that subset.
    pub early_images: usize,
    /// Sampled positions a layer, over all images.
    pub samples: usize,
    /// Part of the images that is held out of calibration and only measured, 0 to 1; the last ones.
    pub held_out: f64,
    /// How strongly the target is held at the float weights, relative to the mean variance of the
    /// inputs.
    pub ridge: f64,
    /// Codebooks that each layer chooses from, levels rising.
    pub codebooks: Vec<[i8; 4]>,
    /// Sweeps of coordinate descent on the quadratic error.
    pub sweeps: usize,
    /// Sweeps of coordinate descent on the error behind the ReLU.
    pub rectified_sweeps: usize,
    /// Samples that the latter is measured on: at most so many of `samples`.
    pub rectified_samples: usize,
    /// Seed of the sampled positions.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            side: 224,
            early_layers: 4,
            early_images: 256,
            samples: 200_000,
            held_out: 0.05,
            ridge: 0.01,
            codebooks: CANDIDATES.to_vec(),
            sweeps: 6,
            rectified_sweeps: 3,
            rectified_samples: 65_536,
            seed: 190_503_362,
        }
    }
}

/// How far the quantiser is.
#[derive(Debug, Clone, Copy)]
pub enum Progress<'a> {
    /// `done` of `total` images have gone through a step of a layer.
    Images {
        /// Name of the layer.
        layer: &'a str,
        /// What is done with the images.
        step: &'static str,
        /// Images behind.
        done: usize,
        /// Images in all.
        total: usize,
    },
    /// A layer is quantised.
    Layer(&'a LayerReport),
}

/// How well a layer fared. Errors are mean squares relative to the variance of the float network's
/// sums.
#[derive(Debug, Clone)]
pub struct LayerReport {
    /// Name of the layer.
    pub name: String,
    /// Levels chosen.
    pub codebook: [i8; 4],
    /// What not even the best real weights recover of the errors before this layer.
    pub inherited_error: f64,
    /// What rounding to the nearest level would add.
    pub plain_error: f64,
    /// What the codes add that this error chose.
    pub error: f64,
    /// What is left behind the ReLU after the last descent, of all errors together, relative to the
    /// mean square of the activations; the slight slope below zero counts in the former.
    pub rectified_error: f64,
    /// Largest real output value: 31 steps.
    pub cap: f32,
    /// Mean cosine between the float and the chip's map of an image (after pooling where it
    /// follows), over the calibration images.
    pub cosine: f64,
    /// Samples behind the second moments.
    pub samples: usize,
    /// Time with the images, float and chip.
    pub image_seconds: f64,
    /// Time with the matrices.
    pub solve_seconds: f64,
}

/// How well the network fared.
#[derive(Debug, Clone)]
pub struct QuantizeReport {
    /// One entry a layer.
    pub layers: Vec<LayerReport>,
    /// Images that the weights were fitted to.
    pub calibration_images: usize,
    /// Images that were only measured.
    pub held_out_images: usize,
    /// Mean cosine between the last maps' means over all pixels, float against chip, calibration
    /// images.
    pub calibration_cosine: f64,
    /// The same for the images held out; `None` when there are none.
    pub held_out_cosine: Option<f64>,
    /// Time in all.
    pub seconds: f64,
}

/// Brings `weights` to 2 bits on `images` (each `side * side * 3` bytes, RGB, row by row).
///
/// The same input gives the same network on the same CPU, whatever the number of threads.
/// `docs/QUANTIZER.md` explains the method.
///
/// # Errors
///
/// [`QuantizeError::Data`] when there are fewer than two images or one has another size;
/// [`QuantizeError::Degenerate`] when the inputs of a layer do not vary; [`QuantizeError::Model`]
/// when the chip refuses a layer.
pub fn quantize(
    weights: &FloatVgg,
    images: &[Vec<u8>],
    options: &Options,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(NetworkParams, QuantizeReport), QuantizeError> {
    let started = Instant::now();
    let bytes = options.side * options.side * 3;
    if let Some(image) = images.iter().find(|image| image.len() != bytes) {
        return Err(QuantizeError::Data(format!("an image has {} bytes instead of {bytes}", image.len())));
    }
    let held_out = (images.len() as f64 * options.held_out).round() as usize;
    let calibration = images.len().saturating_sub(held_out);
    if calibration < 2 {
        return Err(QuantizeError::Data(format!("{calibration} images to calibrate on are too few")));
    }
    let mut run = Run {
        options,
        chip: Chip { kernels: Kernels::detect(), padding: MEAN.map(|mean| (255.0 * mean).round() as u8) },
        progress,
        params: Vec::new(),
        reports: Vec::new(),
        units: DEVIATION.map(|deviation| 1.0 / (255.0 * deviation)).to_vec(),
    };
    // Whoever reads a map expects its channels as the float network has them; the others are for
    // the next layer alone.
    let middle = weights.layers.split_last().and_then(|(_, before)| before.iter().rposition(|layer| layer.pool));
    let next = |number: usize| weights.layers.get(number + 1).filter(|_| middle != Some(number));
    let (early, late) = weights.layers.split_at(options.early_layers.min(weights.layers.len()));

    let subset = options.early_images.clamp(2, calibration);
    let mut states: Vec<ImageState> =
        (0..subset).map(|i| ImageState::new(&images[i * calibration / subset], options.side)).collect();
    for (number, layer) in early.iter().enumerate() {
        run.quantize_layer(layer, next(number), &mut states, subset)?;
    }
    drop(states);

    let mut states: Vec<ImageState> = Vec::with_capacity(images.len());
    let chip = run.chip;
    let packed: Vec<Layer> = run.params.iter().map(Layer::new).collect();
    for block in images.chunks(IMAGES_AT_ONCE) {
        let through: Vec<ImageState> =
            block.par_iter().map(|image| chip.behind(image, options.side, early, &packed)).collect();
        states.extend(through);
        let (done, total) = (states.len(), images.len());
        (run.progress)(Progress::Images { layer: "the early layers", step: "all images", done, total });
    }
    for (number, layer) in late.iter().enumerate() {
        run.quantize_layer(layer, next(early.len() + number), &mut states, calibration)?;
    }

    let cosines: Vec<f64> = states.par_iter().map(ImageState::pooled_cosine).collect();
    let report = QuantizeReport {
        layers: run.reports,
        calibration_images: calibration,
        held_out_images: held_out,
        calibration_cosine: mean(&cosines[..calibration]),
        held_out_cosine: (held_out > 0).then(|| mean(&cosines[calibration..])),
        seconds: started.elapsed().as_secs_f64(),
    };
    Ok((NetworkParams::new(run.chip.padding, run.params)?, report))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// The chip and what lies around a picture on it.
#[derive(Clone, Copy)]
struct Chip {
    kernels: Kernels,
    padding: [u8; 3],
}

impl Chip {
    fn run(self, layer: &Layer, pool: bool, input: &FeatureMap) -> FeatureMap {
        let map = run_layer(self.kernels, layer, input, self.padding, &Team::ALONE);
        if pool { max_pool_2x2(&map) } else { map }
    }

    /// A picture behind the early layers of both networks.
    fn behind(self, image: &[u8], side: usize, float: &[FloatConv], chip: &[Layer]) -> ImageState {
        let mut state = ImageState::new(image, side);
        for (float, chip) in float.iter().zip(chip) {
            state.advance_float(float, &[]);
            state.chip = self.run(chip, float.pool, &state.chip);
        }
        state
    }
}

/// The state between two layers.
struct Run<'a> {
    options: &'a Options,
    chip: Chip,
    progress: &'a mut dyn FnMut(Progress<'_>),
    params: Vec<SoundConv>,
    reports: Vec<LayerReport>,
    /// Real value of a step of each input channel of the next layer.
    units: Vec<f32>,
}

/// What the images say about a layer.
struct Observed {
    covariance: Covariance,
    samples: usize,
    /// Some of the sampled windows, `[..][d]`, and the float sums there, `[..][cout]`.
    windows: Vec<u8>,
    sums: Vec<f32>,
}

impl Run<'_> {
    /// Quantises one layer on the first `calibration` images and moves all of them behind it. Where
    /// its output is for the `next` layer alone, that one is named.
    fn quantize_layer(
        &mut self,
        layer: &FloatConv,
        next: Option<&FloatConv>,
        states: &mut [ImageState],
        calibration: usize,
    ) -> Result<(), QuantizeError> {
        let started = Instant::now();
        let observed = self.observe(layer, states, calibration);
        let mut image_seconds = started.elapsed().as_secs_f64();

        let started = Instant::now();
        let (params, mut report, factors) = self.solve(layer, next, &observed)?;
        report.solve_seconds = started.elapsed().as_secs_f64();
        drop(observed);

        let started = Instant::now();
        let (chip, packed) = (self.chip, Layer::new(&params));
        let mut cosines = Vec::with_capacity(states.len());
        let total = states.len();
        for block in states.chunks_mut(IMAGES_AT_ONCE) {
            let of_block: Vec<f64> = block
                .par_iter_mut()
                .map(|state| {
                    state.chip = chip.run(&packed, params.pool, &state.chip);
                    state.cosine(&factors)
                })
                .collect();
            cosines.extend(of_block);
            (self.progress)(Progress::Images { layer: &layer.name, step: "chip", done: cosines.len(), total });
        }
        report.cosine = mean(&cosines[..calibration]);
        image_seconds += started.elapsed().as_secs_f64();
        report.image_seconds = image_seconds;
        (self.progress)(Progress::Layer(&report));
        self.units = factors.iter().map(|factor| factor * params.output_scale).collect();
        self.params.push(params);
        self.reports.push(report);
        Ok(())
    }

    /// Runs the float layer over all images and gathers the moments over the first `calibration` of
    /// them.
    fn observe(&mut self, layer: &FloatConv, states: &mut [ImageState], calibration: usize) -> Observed {
        let (d, total) = (9 * layer.cin, states.len());
        let pixels = states.first().map_or(0, |state| state.chip.height * state.chip.width);
        let per_image = self.options.samples.div_ceil(calibration).clamp(1, pixels.max(1));
        let every = (per_image * calibration).div_ceil(self.options.rectified_samples.max(1));
        let layer_seed = self.options.seed.wrapping_add((self.params.len() as u64) << 32);
        let padding = self.chip.padding;
        let mut moments = Moments::new(d, layer.cout);
        let (mut x, mut y): (Vec<f32>, Vec<f32>) = (Vec::new(), Vec::new());
        let mut observed = (Vec::new(), Vec::new());
        let (mut samples, mut done) = (0_usize, 0);
        for block in states.chunks_mut(IMAGES_AT_ONCE) {
            let first = done;
            let gathered: Vec<(Vec<u8>, Vec<f32>)> = block
                .par_iter_mut()
                .enumerate()
                .map(|(i, state)| {
                    let image = first + i;
                    let positions = if image < calibration {
                        sample_positions(pixels, per_image, layer_seed.wrapping_add(image as u64))
                    } else {
                        Vec::new()
                    };
                    let inputs = windows(&state.chip, &positions, padding);
                    (inputs, state.advance_float(layer, &positions))
                })
                .collect();
            done += block.len();
            for (inputs, sums) in &gathered {
                for (inputs, sums) in inputs.chunks_exact(d).zip(sums.chunks_exact(layer.cout)) {
                    if samples.is_multiple_of(every) {
                        observed.0.extend_from_slice(inputs);
                        observed.1.extend_from_slice(sums);
                    }
                    samples += 1;
                    x.extend(inputs.iter().map(|&v| f32::from(v)));
                    y.extend_from_slice(sums);
                    if y.len() == BLOCK_ROWS * layer.cout {
                        moments.add(&x, &y);
                        x.clear();
                        y.clear();
                    }
                }
            }
            (self.progress)(Progress::Images { layer: &layer.name, step: "float", done, total });
        }
        moments.add(&x, &y);
        Observed { covariance: moments.finish(), samples, windows: observed.0, sums: observed.1 }
    }

    /// The layer on the chip, its report, and the factors of its output channels.
    fn solve(
        &self,
        layer: &FloatConv,
        next: Option<&FloatConv>,
        observed: &Observed,
    ) -> Result<(SoundConv, LayerReport, Vec<f32>), QuantizeError> {
        let covariance = &observed.covariance;
        let metric = Metric::new(&layer.name, covariance, self.options.ridge)?;
        let float = weights_for_integers(layer, &self.units);
        let target = metric.target(covariance, &float);
        let best = quantize_rows(&metric, &target, &self.options.codebooks, self.options.sweeps)
            .ok_or_else(|| QuantizeError::Data("there is no codebook to choose from".into()))?;
        let plain = round_plainly(&metric, &target, Codebook::new(best.codebook.levels));
        let variance = covariance.var_y.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        let error = best.total() / variance;

        let codes = metric.plain_order(&best.codes);
        let mut real = RealLayer::with_mean(best.codebook, codes, best.scales, &covariance.mean_x, &covariance.mean_y);
        let strongest_first: Vec<usize> = metric.order.iter().rev().copied().collect();
        let observations = Observations::new(&observed.windows, metric.d, &observed.sums, layer.cout);
        let rectified_error = descend(&observations, &strongest_first, &mut real, self.options.rectified_sweeps);
        drop(observations);

        let every = (observed.sums.len() / layer.cout).div_ceil(STEP_SAMPLES).max(1);
        let mut sums: Vec<f32> = observed.sums.chunks_exact(layer.cout).step_by(every).flatten().copied().collect();
        let windows = observed.windows.chunks_exact(metric.d).step_by(every).flatten();
        let mut quantised = real_sums(&real, &windows.map(|&input| f32::from(input)).collect::<Vec<f32>>());
        let scaling = next.map_or_else(|| Scaling::even(layer.cout), |next| Scaling::for_next(next, &sums));
        scaling.apply(&mut sums);
        scaling.apply(&mut quantised);
        let step = best_step(&sums, &quantised, &scaling.weights);
        let report = LayerReport {
            name: layer.name.clone(),
            codebook: best.codebook.levels,
            inherited_error: metric.unexplained(covariance, &target) / variance,
            plain_error: plain.total() / variance,
            error,
            rectified_error,
            cap: 31.0 * step,
            cosine: 0.0,
            samples: observed.samples,
            image_seconds: 0.0,
            solve_seconds: 0.0,
        };
        Ok((real.on_chip(layer, step, &scaling.factors)?, report, scaling.factors))
    }
}

/// The float weights `[cout][9 * cin]` for integer inputs, one step of which is worth
/// `units[channel]`.
pub(super) fn weights_for_integers(layer: &FloatConv, units: &[f32]) -> Vec<f32> {
    let d = 9 * layer.cin;
    let mut rows = vec![0.0; layer.cout * d];
    for (i, outputs) in layer.weights.chunks_exact(layer.cout).enumerate() {
        let unit = units[i % layer.cin];
        for (c, weight) in outputs.iter().enumerate() {
            rows[c * d + i] = weight * unit;
        }
    }
    rows
}

/// The quantised layer's sums before the ReLU, in real numbers, `[rows][cout]`, for windows
/// `[rows][d]`.
fn real_sums(real: &RealLayer<'_>, windows: &[f32]) -> Vec<f32> {
    let (d, n) = (real.mean_x.len(), real.biases.len());
    let levels: Vec<f32> = real.codes.iter().map(|&code| real.codebook.value(code)).collect();
    let mut sums = vec![0.0_f32; windows.len() / d * n];
    sums.par_chunks_mut(256 * n).zip(windows.par_chunks(256 * d)).for_each(|(sums, windows)| {
        let rows = windows.len() / d;
        matmul(
            MatMut::from_row_major_slice_mut(&mut *sums, rows, n),
            Accum::Replace,
            MatRef::from_row_major_slice(windows, rows, d),
            MatRef::from_row_major_slice(&levels, n, d).transpose(),
            1.0,
            Par::Seq,
        );
        for row in sums.chunks_exact_mut(n) {
            for ((sum, scale), bias) in row.iter_mut().zip(&real.scales).zip(&real.biases) {
                *sum = *sum * scale + bias;
            }
        }
    });
    sums
}
