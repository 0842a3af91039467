//! The quantiser as a whole, on networks and data that the tests make themselves.

use super::calibrate::weights_for_integers;
use super::codebook::Codebook;
use super::gptq::{quantize_rows, round_plainly, round_with_feedback};
use super::moments::Moments;
use super::target::Metric;
use super::*;
use eyrie_chip::Random;

fn layer(random: &mut Random, name: &str, cin: usize, cout: usize, pool: bool) -> FloatConv {
    let deviation = (2.0 / (9 * cin) as f32).sqrt();
    FloatConv {
        name: name.into(),
        cin,
        cout,
        weights: (0..9 * cin * cout).map(|_| deviation * random.normal()).collect(),
        bias: (0..cout).map(|_| 0.1 * random.normal()).collect(),
        pool,
    }
}

/// Smooth random pictures: neighbouring pixels are alike, as in photographs.
fn pictures(count: usize, side: usize) -> Vec<Vec<u8>> {
    let mut random = Random::new(21);
    (0..count)
        .map(|_| {
            let waves: Vec<[f64; 5]> = (0..6).map(|_| std::array::from_fn(|_| random.uniform())).collect();
            let mut rgb = Vec::with_capacity(side * side * 3);
            for y in 0..side {
                for x in 0..side {
                    for c in 0..3 {
                        let value: f64 = waves
                            .iter()
                            .map(|w| (w[0] * x as f64 + w[1] * y as f64 + 6.0 * w[2] + w[3] * c as f64).sin() * w[4])
                            .sum();
                        rgb.push((128.0 + 45.0 * value).clamp(0.0, 255.0) as u8);
                    }
                }
            }
            rgb
        })
        .collect()
}

fn small_network() -> FloatVgg {
    let mut random = Random::new(20);
    let layers = vec![
        layer(&mut random, "one", 3, 64, false),
        layer(&mut random, "two", 64, 64, true),
        layer(&mut random, "three", 64, 64, false),
    ];
    FloatVgg { layers }
}

fn small_options() -> Options {
    Options {
        side: 24,
        early_layers: 1,
        early_images: 12,
        samples: 6000,
        held_out: 0.2,
        sweeps: 2,
        ..Options::default()
    }
}

#[test]
fn a_small_network_on_the_chip_follows_the_float_network() {
    let images = pictures(20, 24);
    let mut layers = Vec::new();
    let (network, report) = quantize(&small_network(), &images, &small_options(), &mut |progress| match progress {
        Progress::Layer(layer) => layers.push(layer.name.clone()),
        Progress::Images { done, total, .. } => assert!(done <= total),
    })
    .unwrap();
    assert_eq!(layers, ["one", "two", "three"]);
    assert_eq!(network.padding(), [124, 116, 104]);
    assert_eq!((report.calibration_images, report.held_out_images), (16, 4));
    for layer in &report.layers {
        assert!(layer.error < 0.5 * layer.plain_error, "{layer:?}");
        assert!(layer.cosine > 0.9, "{layer:?}");
    }
    assert!(report.held_out_cosine.unwrap() > 0.95, "{report:?}");
}

#[test]
fn the_number_of_threads_does_not_change_a_bit() {
    let images = pictures(20, 24);
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| quantize(&small_network(), &images, &small_options(), &mut |_| ()).unwrap().0)
    };
    let one = on(1);
    assert_eq!(one, on(3));
    assert_eq!(one, on(1));
}

#[test]
fn unusable_images_are_refused() {
    let refused = |images: &[Vec<u8>]| quantize(&small_network(), images, &small_options(), &mut |_| ()).err().unwrap();
    assert!(matches!(refused(&pictures(1, 24)), QuantizeError::Data(_)));
    assert!(matches!(refused(&pictures(4, 25)), QuantizeError::Data(_)));
    // The padding's colour everywhere: no input ever varies.
    let flat = [124, 116, 104].repeat(24 * 24);
    assert!(matches!(refused(&vec![flat; 6]), QuantizeError::Degenerate(_)));
}

#[test]
fn the_folded_first_layer_equals_the_normalised_one() {
    let layer = &small_network().layers[0];
    let rgb = &pictures(1, 24)[0];
    let normalised = layer.pre_activations(&FloatMap::from_rgb(rgb, 24, 24));
    let folded = weights_for_integers(layer, &DEVIATION.map(|deviation| 1.0 / (255.0 * deviation)));
    // Away from the border; there the padding is the mean colour, which bytes can only come near
    // to.
    for (y, x) in [(1, 1), (5, 9), (22, 22)] {
        for c in 0..64 {
            let mut sum = f64::from(layer.bias[c]);
            for (i, weight) in folded[c * 27..(c + 1) * 27].iter().enumerate() {
                let (ky, kx, k) = (i / 9, i / 3 % 3, i % 3);
                let byte = rgb[((y + ky - 1) * 24 + x + kx - 1) * 3 + k];
                sum += f64::from(*weight) * (f64::from(byte) - 255.0 * f64::from(MEAN[k]));
            }
            let want = f64::from(normalised.data[(y * 24 + x) * 64 + c]);
            assert!((sum - want).abs() < 1e-4, "{y},{x},{c}: {sum} for {want}");
        }
    }
}

/// A metric of strongly correlated inputs, with float weights for it.
fn correlated() -> (Metric, Vec<f32>) {
    let (d, n, samples) = (150, 9, 1000);
    let mut random = Random::new(22);
    let x: Vec<f32> = (0..samples)
        .flat_map(|_| {
            let common = 10.0 * random.uniform();
            (0..d).map(|i| (common + (3 + i % 5) as f64 * random.uniform()).floor() as f32).collect::<Vec<_>>()
        })
        .collect();
    let weights: Vec<f32> = (0..n * d).map(|_| random.normal()).collect();
    let y: Vec<f32> = x
        .chunks_exact(d)
        .flat_map(|x| {
            weights.chunks_exact(d).map(|w| w.iter().zip(x).map(|(w, x)| w * x).sum::<f32>()).collect::<Vec<_>>()
        })
        .collect();
    let mut moments = Moments::new(d, n);
    moments.add(&x, &y);
    let covariance = moments.finish();
    let metric = Metric::new("test", &covariance, 0.01).unwrap();
    let target = metric.target(&covariance, &weights);
    // The float network's inputs are the quantised one's here: there is nothing to correct.
    let back = metric.plain_order(&target);
    assert!(back.iter().zip(&weights).all(|(a, b)| (a - b).abs() < 1e-2));
    assert!(metric.unexplained(&covariance, &target) < 1e-3 * covariance.var_y.iter().sum::<f64>());
    (metric, target)
}

#[test]
fn error_feedback_beats_plain_rounding_on_correlated_inputs() {
    let (metric, target) = correlated();
    let codebook = Codebook::new([-3, -1, 1, 3]);
    let plain = round_plainly(&metric, &target, codebook);
    let feedback = round_with_feedback(&metric, &target, codebook, &plain.scales);
    assert!(feedback.total() < 0.5 * plain.total(), "{} against {}", feedback.total(), plain.total());
    let best = quantize_rows(&metric, &target, &[[-3, -1, 1, 3]], 3).unwrap();
    assert!(best.total() < 0.9 * feedback.total(), "{} against {}", best.total(), feedback.total());
}

#[test]
fn the_reported_error_is_the_quadratic_form_of_the_residual() {
    let (metric, target) = correlated();
    let result = quantize_rows(&metric, &target, &[[-4, -1, 1, 4], [-3, -1, 1, 3]], 2).unwrap();
    let d = metric.d;
    for c in 0..result.scales.len() {
        let residual: Vec<f64> = (0..d)
            .map(|j| {
                let level = result.codebook.value(result.codes[c * d + j]);
                f64::from(target[c * d + j]) - f64::from(result.scales[c]) * f64::from(level)
            })
            .collect();
        let mut want = 0.0;
        for (i, a) in residual.iter().enumerate() {
            for (j, b) in residual.iter().enumerate() {
                want += a * f64::from(metric.h[i * d + j]) * b;
            }
        }
        assert!((result.errors[c] - want).abs() < 1e-3 * want, "{c}: {} for {want}", result.errors[c]);
    }
}
