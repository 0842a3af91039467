//! Pooling of the float network's maps, after the formula that the chip's maps are pooled by.

use crate::quantize::FloatMap;
use eyrie_vision::describe::{MAP_SIDE, WINDOWS};

/// Square-root pooling, `sqrt(mean of f^2)`, over each of [`WINDOWS`], averaged over them: one
/// value for each channel. The same as [`eyrie_vision::describe::pool`], with sums in `f64` in
/// place of exact integers.
///
/// # Panics
/// If the map is not square, or its side no multiple of 7.
#[must_use]
pub fn pool_float(map: &FloatMap) -> Vec<f32> {
    let cell = map.height / MAP_SIDE;
    let fits = cell > 0 && (map.height, map.width) == (cell * MAP_SIDE, cell * MAP_SIDE);
    assert!(fits, "the map that is pooled has {}x{} pixels", map.height, map.width);
    let mut total = vec![0_f64; map.channels];
    let mut squares = vec![0_f64; map.channels];
    for window in WINDOWS {
        squares.fill(0.0);
        for y in window.y * cell..(window.y + window.size) * cell {
            for x in window.x * cell..(window.x + window.size) * cell {
                let pixel = (y * map.width + x) * map.channels;
                for (sum, &f) in squares.iter_mut().zip(&map.data[pixel..pixel + map.channels]) {
                    *sum += f64::from(f) * f64::from(f);
                }
            }
        }
        let area = (window.size * cell).pow(2) as f64;
        for (total, &sum) in total.iter_mut().zip(&squares) {
            *total += (sum / area).sqrt();
        }
    }
    total.into_iter().map(|value| (value / WINDOWS.len() as f64) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_even_map_pools_to_its_value_and_another_by_the_formula() {
        let even = FloatMap { height: 7, width: 7, channels: 2, data: [0.5, 3.0].repeat(49) };
        assert_eq!(pool_float(&even), [0.5, 3.0]);
        // One pixel of 7 in the middle: it is in all windows of 7x7 and 5x5 (4), and in the middle
        // one of 3x3.
        let mut data = vec![0.0; 49];
        data[24] = 7.0;
        let expected = (7.0 / 7.0 + 4.0 * 7.0 / 5.0 + 7.0 / 3.0) / 14.0;
        let pooled = pool_float(&FloatMap { height: 7, width: 7, channels: 1, data });
        assert!((f64::from(pooled[0]) - expected).abs() < 1e-6, "{pooled:?} {expected}");
    }
}
