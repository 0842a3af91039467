//! Grey pictures: shrinking by area and smoothing, in integers.

/// A grey picture, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grey {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) pixels: Vec<u8>,
}

/// One output sample of an area average: the first input sample and the weights (their sum is
/// 65,536).
struct Span {
    start: usize,
    weights: Vec<u32>,
}

/// The spans that shrink `from` samples to `to <= from`.
fn spans(from: usize, to: usize) -> Vec<Span> {
    (0..to)
        .map(|i| {
            // In units of 1/to input samples, output i covers [i * from, (i + 1) * from).
            let (low, high) = (i * from, (i + 1) * from);
            let start = low / to;
            let mut weights = Vec::new();
            let mut left = 65_536_u32;
            for x in start..high.div_ceil(to) {
                let covered = ((x + 1) * to).min(high) - (x * to).max(low);
                let weight = (covered * 65_536 / from) as u32;
                left -= weight;
                weights.push(weight);
            }
            // What the divisions dropped goes to the middle.
            let middle = weights.len() / 2;
            weights[middle] += left;
            Span { start, weights }
        })
        .collect()
}

impl Grey {
    /// The picture shrunk to `width` times `height` (at most its own size) by averaging areas.
    pub(super) fn shrunk(&self, width: usize, height: usize) -> Self {
        let mut rows = vec![0_u8; self.width * height];
        let mut sums = vec![0_u32; self.width];
        for (span, out) in spans(self.height, height).iter().zip(rows.chunks_exact_mut(self.width)) {
            sums.fill(32_768);
            for (k, &weight) in span.weights.iter().enumerate() {
                let row = &self.pixels[(span.start + k) * self.width..][..self.width];
                for (sum, &pixel) in sums.iter_mut().zip(row) {
                    *sum += weight * u32::from(pixel);
                }
            }
            for (out, &sum) in out.iter_mut().zip(&sums) {
                *out = (sum >> 16) as u8;
            }
        }
        let columns = spans(self.width, width);
        let mut pixels = Vec::with_capacity(width * height);
        for row in rows.chunks_exact(self.width) {
            pixels.extend(columns.iter().map(|span| {
                let sum: u32 = span
                    .weights
                    .iter()
                    .zip(&row[span.start..])
                    .map(|(&weight, &pixel)| weight * u32::from(pixel))
                    .sum();
                ((sum + 32_768) >> 16) as u8
            }));
        }
        Self { width, height, pixels }
    }

    /// The picture smoothed by the binomial filter 1 4 6 4 1 in both directions (a Gaussian of
    /// deviation 1), times 16; the border is repeated outwards.
    pub(super) fn smoothed(&self) -> Vec<i16> {
        let (w, h) = (self.width, self.height);
        let row = |y: isize| &self.pixels[y.clamp(0, h as isize - 1) as usize * w..][..w];
        let mut out = vec![0_i16; w * h];
        let mut sums = vec![0_u16; w + 4];
        for (y, out) in out.chunks_exact_mut(w).enumerate() {
            let y = y as isize;
            let (a, b, c, d, e) = (row(y - 2), row(y - 1), row(y), row(y + 1), row(y + 2));
            for (x, sum) in sums[2..2 + w].iter_mut().enumerate() {
                let wide = |v: &[u8]| u16::from(v[x]);
                *sum = wide(a) + wide(e) + 4 * (wide(b) + wide(d)) + 6 * wide(c);
            }
            sums[0] = sums[2];
            sums[1] = sums[2];
            sums[w + 2] = sums[w + 1];
            sums[w + 3] = sums[w + 1];
            for (x, out) in out.iter_mut().enumerate() {
                // At most 255 * 256, so the sum fits and a sixteenth of it fits a signed value.
                let s = &sums[x..x + 5];
                *out = ((s[0] + s[4] + 4 * (s[1] + s[3]) + 6 * s[2] + 8) >> 4) as i16;
            }
        }
        out
    }
}
