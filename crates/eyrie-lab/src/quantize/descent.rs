//! Coordinate descent on the codes, measured behind the ReLU.
//!
//! The quadratic form that [`super::gptq`] minimises counts an error in a sum that is far below
//! zero as much as any other, though the ReLU lets nothing of it through. Here each weight takes
//! the level that is best for what does come through, on the samples themselves: `E (f(y) -
//! f(y'))^2`, with `f` the ReLU but for a slight slope below zero, which keeps sums that should
//! stay inactive from wandering off on pictures that are not among the samples.

use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;

use super::chip_form::RealLayer;
use super::codebook::Codebook;

/// The slope of `f` below zero.
const SLOPE: f32 = 0.2;

/// Within a block of so many samples sums are taken in 32 bits, over the blocks in 64.
const BLOCK: usize = 4096;

/// The strands in which a block is summed: the same on every CPU, so that each gives the same.
const LANES: usize = 16;

/// A layer at sampled positions.
pub(super) struct Observations {
    /// Positions, a multiple of [`LANES`].
    samples: usize,
    /// Inputs on the chip, `[9 * cin][samples]`.
    inputs: Vec<u8>,
    /// The float network's sums, `[cout][samples]`.
    sums: Vec<f32>,
}

impl Observations {
    /// From windows `[samples][d]` and sums `[samples][cout]`; what exceeds a multiple of [`LANES`]
    /// is left out.
    pub(super) fn new(windows: &[u8], d: usize, sums: &[f32], cout: usize) -> Self {
        let samples = windows.len() / d / LANES * LANES;
        Self { samples, inputs: transposed(windows, samples, d), sums: transposed(sums, samples, cout) }
    }

    fn input(&self, i: usize) -> &[u8] {
        &self.inputs[i * self.samples..(i + 1) * self.samples]
    }
}

/// `[columns][rows]` of a `[rows][columns]` matrix.
fn transposed<T: Copy + Default + Send + Sync>(matrix: &[T], rows: usize, columns: usize) -> Vec<T> {
    /// Columns that are copied together: a cache line of bytes.
    const TOGETHER: usize = 64;
    let mut result = vec![T::default(); rows * columns];
    if rows > 0 {
        result.par_chunks_mut(TOGETHER * rows).enumerate().for_each(|(group, result)| {
            for (row, values) in matrix.chunks_exact(columns).take(rows).enumerate() {
                for (column, value) in values[group * TOGETHER..].iter().take(result.len() / rows).enumerate() {
                    result[column * rows + row] = *value;
                }
            }
        });
    }
    result
}

/// One output channel: `y' = scale * sum(level * input) + bias`.
struct Channel<'a> {
    /// `[d]`.
    codes: &'a mut [u8],
    scale: &'a mut f32,
    bias: &'a mut f32,
}

/// Sweeps over the weights of all channels, in `order`; a scale and a bias are fitted before each
/// and at the end.
///
/// Returns what is left of the squared error, relative to the squares of the float network's
/// activations.
pub(super) fn descend(observations: &Observations, order: &[usize], layer: &mut RealLayer<'_>, sweeps: usize) -> f64 {
    let (codebook, samples) = (layer.codebook, observations.samples);
    let channels = layer
        .codes
        .par_chunks_mut(order.len())
        .zip(&mut layer.scales)
        .zip(&mut layer.biases)
        .map(|((codes, scale), bias)| Channel { codes, scale, bias });
    let losses: Vec<[f64; 2]> = channels
        .enumerate()
        .map(|(c, mut channel)| {
            let y = &observations.sums[c * samples..(c + 1) * samples];
            let mut state = State::new(observations, codebook, y, &channel);
            for _ in 0..sweeps {
                state.refit(&mut channel);
                if !state.sweep(observations, codebook, order, &mut channel) {
                    break;
                }
            }
            state.refit(&mut channel);
            [state.loss, y.iter().map(|y| f64::from(y.max(0.0)).powi(2)).sum()]
        })
        .collect();
    let total = |i: usize| losses.iter().map(|loss| loss[i]).sum::<f64>();
    total(0) / total(1).max(f64::MIN_POSITIVE)
}

/// What a channel gives at the samples. Few vectors, so that they stay in the cache.
struct State {
    /// `f(y)` of the float network.
    wanted: Vec<f32>,
    /// `y'`.
    values: Vec<f32>,
    /// Sum of `(f(y) - f(y'))^2`.
    loss: f64,
}

#[inline(always)]
fn leaky(value: f32) -> f32 {
    value.max(SLOPE * value)
}

/// The value in 64 bits of sums that were taken in strands.
fn gathered(strands: [f32; LANES]) -> f64 {
    strands.iter().map(|&strand| f64::from(strand)).sum()
}

/// The loss of `values` with `step` times `input` added.
struct Loss<'a> {
    wanted: &'a [f32],
    values: &'a [f32],
    input: &'a [u8],
    step: f32,
}

impl NullaryFnOnce for Loss<'_> {
    type Output = f64;

    #[inline(always)]
    fn call(self) -> f64 {
        let step = self.step;
        let blocks = self.wanted.chunks(BLOCK).zip(self.values.chunks(BLOCK)).zip(self.input.chunks(BLOCK));
        let mut loss = 0.0;
        for ((wanted, values), input) in blocks {
            let rows = wanted.as_chunks::<LANES>().0.iter().zip(values.as_chunks::<LANES>().0);
            let mut strands = [0.0_f32; LANES];
            for ((wanted, values), input) in rows.zip(input.as_chunks::<LANES>().0) {
                for lane in 0..LANES {
                    let rest = leaky(values[lane] + step * f32::from(input[lane])) - wanted[lane];
                    strands[lane] += rest * rest;
                }
            }
            loss += gathered(strands);
        }
        loss
    }
}

/// First and second derivative of half the loss along `input`.
struct Along<'a> {
    wanted: &'a [f32],
    values: &'a [f32],
    input: &'a [u8],
}

impl NullaryFnOnce for Along<'_> {
    type Output = [f64; 2];

    #[inline(always)]
    fn call(self) -> [f64; 2] {
        let blocks = self.wanted.chunks(BLOCK).zip(self.values.chunks(BLOCK)).zip(self.input.chunks(BLOCK));
        let mut derivatives = [0.0; 2];
        for ((wanted, values), input) in blocks {
            let rows = wanted.as_chunks::<LANES>().0.iter().zip(values.as_chunks::<LANES>().0);
            let (mut first, mut second) = ([0.0_f32; LANES], [0.0_f32; LANES]);
            for ((wanted, values), input) in rows.zip(input.as_chunks::<LANES>().0) {
                for lane in 0..LANES {
                    let slope = if values[lane] > 0.0 { 1.0 } else { SLOPE };
                    let change = slope * f32::from(input[lane]);
                    first[lane] += (slope * values[lane] - wanted[lane]) * change;
                    second[lane] += change * change;
                }
            }
            derivatives[0] += gathered(first);
            derivatives[1] += gathered(second);
        }
        derivatives
    }
}

/// Adds `factor` times `input` to `values`.
struct AddScaled<'a> {
    values: &'a mut [f32],
    input: &'a [u8],
    factor: f32,
}

impl NullaryFnOnce for AddScaled<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for (value, input) in self.values.iter_mut().zip(self.input) {
            *value += self.factor * f32::from(*input);
        }
    }
}

impl State {
    fn new(observations: &Observations, codebook: Codebook, y: &[f32], channel: &Channel<'_>) -> Self {
        let mut values = vec![*channel.bias; observations.samples];
        for (i, code) in channel.codes.iter().enumerate() {
            let factor = *channel.scale * codebook.value(*code);
            Arch::new().dispatch(AddScaled { values: &mut values, input: observations.input(i), factor });
        }
        let mut state = Self { wanted: y.iter().map(|&y| leaky(y)).collect(), values, loss: 0.0 };
        state.loss = state.loss_with(observations.input(0), 0.0);
        state
    }

    /// The loss if `step` times `input` were added to the values.
    fn loss_with(&self, input: &[u8], step: f32) -> f64 {
        let Self { wanted, values, .. } = self;
        Arch::new().dispatch(Loss { wanted, values, input, step })
    }

    /// Every weight in turn takes the level that is best given all others. Whether any changed.
    fn sweep(
        &mut self,
        observations: &Observations,
        codebook: Codebook,
        order: &[usize],
        channel: &mut Channel<'_>,
    ) -> bool {
        let mut changed = false;
        for &i in order {
            let input = observations.input(i);
            let along = Along { wanted: &self.wanted, values: &self.values, input };
            let [slope, curvature] = Arch::new().dispatch(along);
            let old = channel.codes[i];
            let wish = f64::from(codebook.value(old)) - slope / (curvature * f64::from(*channel.scale));
            let new = codebook.nearest(wish as f32);
            if new == old || !wish.is_finite() {
                continue;
            }
            let step = *channel.scale * (codebook.value(new) - codebook.value(old));
            let loss = self.loss_with(input, step);
            if loss < self.loss {
                channel.codes[i] = new;
                Arch::new().dispatch(AddScaled { values: &mut self.values, input, factor: step });
                self.loss = loss;
                changed = true;
            }
        }
        changed
    }

    /// One Gauss-Newton step on scale and bias, kept if the loss falls.
    fn refit(&mut self, channel: &mut Channel<'_>) {
        let (scale, bias) = (f64::from(*channel.scale), f64::from(*channel.bias));
        let (mut aa, mut a1, mut ones, mut ga, mut g1) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for (value, wanted) in self.values.iter().zip(&self.wanted) {
            let slope = if *value > 0.0 { 1.0 } else { SLOPE };
            let (g, h) = (f64::from(slope * (slope * value - wanted)), f64::from(slope * slope));
            let a = (f64::from(*value) - bias) / scale;
            aa += h * a * a;
            a1 += h * a;
            ones += h;
            ga += g * a;
            g1 += g;
        }
        let determinant = aa * ones - a1 * a1;
        if determinant <= 1e-9 * aa * ones {
            return;
        }
        let (new_scale, new_bias) =
            (scale - (ga * ones - g1 * a1) / determinant, bias - (g1 * aa - ga * a1) / determinant);
        let before = self.values.clone();
        for value in &mut self.values {
            *value = ((f64::from(*value) - bias) / scale * new_scale + new_bias) as f32;
        }
        let loss = self.loss_with(&vec![0; self.values.len()], 0.0);
        if loss < self.loss && new_scale > 0.0 {
            (*channel.scale, *channel.bias, self.loss) = (new_scale as f32, new_bias as f32, loss);
        } else {
            self.values = before;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyrie_chip::Random;

    const SAMPLES: usize = 5000;
    const D: usize = 40;
    const CHANNELS: usize = 3;

    /// Windows, and sums of real weights that are mostly below zero.
    fn sampled(random: &mut Random) -> (Vec<u8>, Vec<f32>) {
        let windows: Vec<u8> = (0..SAMPLES * D).map(|_| (random.bits() % 32) as u8).collect();
        let weights: Vec<f32> = (0..CHANNELS * D).map(|_| random.normal()).collect();
        let sums = windows
            .chunks_exact(D)
            .flat_map(|x| {
                let sum = |w: &[f32]| x.iter().zip(w).map(|(x, w)| (f32::from(*x) - 15.5) * w).sum::<f32>() - 60.0;
                weights.chunks_exact(D).map(sum).collect::<Vec<f32>>()
            })
            .collect();
        (windows, sums)
    }

    fn layer<'a>(random: &mut Random, mean_x: &'a [f64]) -> RealLayer<'a> {
        RealLayer {
            codebook: Codebook::new([-4, -1, 1, 4]),
            codes: (0..CHANNELS * D).map(|_| (random.bits() % 4) as u8).collect(),
            scales: vec![0.4; CHANNELS],
            biases: vec![0.0; CHANNELS],
            mean_x,
        }
    }

    /// The error by its definition, over the first `samples` samples.
    fn error(layer: &RealLayer<'_>, windows: &[u8], sums: &[f32], samples: usize) -> f64 {
        let f = |y: f64| if y > 0.0 { y } else { f64::from(SLOPE) * y };
        let (mut error, mut signal) = (0.0, 0.0);
        for (x, y) in windows.chunks_exact(D).zip(sums.chunks_exact(CHANNELS)).take(samples) {
            for (c, y) in y.iter().map(|y| f64::from(*y)).enumerate() {
                let codes = layer.codes[c * D..(c + 1) * D].iter().map(|code| f64::from(layer.codebook.value(*code)));
                let sum: f64 = codes.zip(x).map(|(level, x)| level * f64::from(*x)).sum();
                let value = f64::from(layer.scales[c]) * sum + f64::from(layer.biases[c]);
                error += (f(y) - f(value)).powi(2);
                signal += y.max(0.0).powi(2);
            }
        }
        error / signal
    }

    #[test]
    fn the_reported_error_is_that_of_the_definition_and_falls() {
        let mut random = Random::new(11);
        let (windows, sums) = sampled(&mut random);
        let mean_x = [15.5; D];
        let observations = Observations::new(&windows, D, &sums, CHANNELS);
        let order: Vec<usize> = (0..D).collect();
        let mut errors = Vec::new();
        for sweeps in [0, 1, 4] {
            let mut layer = layer(&mut Random::new(12), &mean_x);
            let reported = descend(&observations, &order, &mut layer, sweeps);
            let want = error(&layer, &windows, &sums, SAMPLES / LANES * LANES);
            assert!((reported - want).abs() < 1e-3 * want, "{reported} for {want}");
            errors.push(want);
        }
        assert!(errors[1] < 0.5 * errors[0] && errors[2] < errors[1], "{errors:?}");
    }

    #[test]
    fn a_wrong_code_among_right_ones_is_put_right() {
        let mut random = Random::new(13);
        // Mostly zeros, as behind a ReLU. (Where an input's mean is much larger than its deviation,
        // the bias has taken up most of what a wrong code does, and no step of a single code undoes
        // it.)
        let input = |random: &mut Random| if random.bits().is_multiple_of(5) { (random.bits() % 32) as u8 } else { 0 };
        let windows: Vec<u8> = (0..SAMPLES * D).map(|_| input(&mut random)).collect();
        let mean_x = [3.1; D];
        let truth = layer(&mut random, &mean_x);
        let sums: Vec<f32> = windows
            .chunks_exact(D)
            .flat_map(|x| {
                let sum = |codes: &[u8]| -> f32 {
                    codes.iter().zip(x).map(|(q, x)| 0.4 * truth.codebook.value(*q) * f32::from(*x)).sum()
                };
                truth.codes.chunks_exact(D).map(sum).collect::<Vec<f32>>()
            })
            .collect();
        let mut layer = layer(&mut Random::new(0), &mean_x);
        layer.codes.clone_from(&truth.codes);
        for code in layer.codes.iter_mut().step_by(D) {
            // To a neighbouring level.
            *code ^= 1;
        }
        let order: Vec<usize> = (0..D).rev().collect();
        let left = descend(&Observations::new(&windows, D, &sums, CHANNELS), &order, &mut layer, 10);
        assert_eq!(layer.codes, truth.codes);
        assert!(left < 1e-6 && (layer.scales[0] - 0.4).abs() < 1e-3, "{left}, {}", layer.scales[0]);
    }

    #[test]
    fn without_samples_nothing_moves() {
        let mean_x = [15.5; D];
        let mut layer = layer(&mut Random::new(14), &mean_x);
        let codes = layer.codes.clone();
        let observations = Observations::new(&[3; 5 * D], D, &[1.0; 5 * CHANNELS], CHANNELS);
        assert_eq!(descend(&observations, &(0..D).collect::<Vec<_>>(), &mut layer, 2), 0.0);
        assert_eq!((layer.codes, layer.scales), (codes, vec![0.4; CHANNELS]));
    }
}
