//! Points of interest on one level of the pyramid: blobs, the peaks of the determinant of the
//! Hessian (T. Lindeberg, "Feature Detection with Automatic Scale Selection", 1998).

/// A peak of the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Peak {
    /// Position on the level in 1/256 pixels, counted from the centre of the first pixel.
    pub(super) x: i32,
    /// See `x`.
    pub(super) y: i32,
    /// Strength.
    pub(super) response: i32,
    /// Whether it is a dark blob on bright ground.
    pub(super) dark: bool,
}

/// Peaks nearer than this to the border of a level, in pixels, are not used.
pub(super) const MARGIN: usize = 10;

/// Weaker peaks are noise.
const LEAST_RESPONSE: i32 = 100;

/// A level is divided into so many cells in each direction, and in each the second peak counts less
/// than the first.
const CELLS: usize = 8;

/// The determinant and the trace of the Hessian of a smoothed level (values times 16) by
/// differences over two pixels.
struct Hessian {
    determinants: Vec<i32>,
    is_dark: Vec<bool>,
}

impl Hessian {
    fn new(smooth: &[i16], width: usize, height: usize) -> Self {
        let mut determinants = vec![0_i32; width * height];
        let mut is_dark = vec![false; width * height];
        for y in 2..height - 2 {
            let row = |d: usize| &smooth[(y + d - 2) * width..][..width];
            let (top, above, here, below, bottom) = (row(0), row(1), row(2), row(3), row(4));
            let determinants = &mut determinants[y * width..][..width];
            let is_dark = &mut is_dark[y * width..][..width];
            for x in 2..width - 2 {
                // In quarter grey levels: at most 1,020, second differences at most 2,040, products
                // below 2^23.
                let grey = |v: &[i16], x: usize| i32::from(v[x]) >> 2;
                let middle = 2 * grey(here, x);
                let xx = grey(here, x - 2) + grey(here, x + 2) - middle;
                let yy = grey(top, x) + grey(bottom, x) - middle;
                let xy = grey(below, x + 1) + grey(above, x - 1) - grey(below, x - 1) - grey(above, x + 1);
                determinants[x] = (xx * yy - xy * xy) >> 4;
                is_dark[x] = xx + yy > 0;
            }
        }
        Self { determinants, is_dark }
    }
}

/// The peaks of a level, row by row.
fn peaks(smooth: &[i16], width: usize, height: usize) -> Vec<Peak> {
    if width <= 2 * MARGIN || height <= 2 * MARGIN {
        return Vec::new();
    }
    let Hessian { determinants, is_dark } = Hessian::new(smooth, width, height);
    let mut found = Vec::new();
    for y in MARGIN..height - MARGIN {
        for x in MARGIN..width - MARGIN {
            let at = y * width + x;
            let response = determinants[at];
            if response < LEAST_RESPONSE {
                continue;
            }
            let three = |at: usize| &determinants[at - 1..at + 2];
            let (above, here, below) = (three(at - width), three(at), three(at + width));
            // Not below the earlier neighbours and above the later ones: of a plateau one point is
            // a peak.
            let is_peak = above.iter().all(|&n| response >= n)
                && response >= here[0]
                && response > here[2]
                && below.iter().all(|&n| response > n);
            if is_peak {
                found.push(Peak {
                    x: x as i32 * 256 + vertex(here[0], response, here[2]),
                    y: y as i32 * 256 + vertex(above[1], response, below[1]),
                    response,
                    dark: is_dark[at],
                });
            }
        }
    }
    found
}

/// Where the parabola through three neighbours has its top: in 1/256 of their distance from the
/// middle one.
fn vertex(before: i32, middle: i32, after: i32) -> i32 {
    let (before, middle, after) = (i64::from(before), i64::from(middle), i64::from(after));
    let bend = 2 * middle - before - after;
    if bend <= 0 { 0 } else { ((after - before) * 128 / bend).clamp(-128, 128) as i32 }
}

/// Up to `limit` peaks of a level, strong ones and well spread ones first: in each cell of a grid
/// the n-th strongest counts with its response divided by the square root of n.
pub(super) fn spread_peaks(smooth: &[i16], width: usize, height: usize, limit: usize) -> Vec<Peak> {
    let mut found = peaks(smooth, width, height);
    found.sort_by_key(|p| (std::cmp::Reverse(p.response), p.y, p.x));
    let (cell_width, cell_height) = (width.div_ceil(CELLS), height.div_ceil(CELLS));
    let mut taken = [0_u64; CELLS * CELLS];
    let mut ranked: Vec<(u64, Peak)> = found
        .into_iter()
        .map(|peak| {
            let (x, y) = ((peak.x >> 8) as usize, (peak.y >> 8) as usize);
            let cell = &mut taken[y / cell_height * CELLS + x / cell_width];
            *cell += 1;
            // The square of response / sqrt(n), in integers.
            let squared = u64::from(peak.response.unsigned_abs()).pow(2);
            (squared / *cell, peak)
        })
        .collect();
    ranked.sort_by_key(|&(rank, p)| (std::cmp::Reverse(rank), p.y, p.x));
    ranked.truncate(limit);
    ranked.into_iter().map(|(_, peak)| peak).collect()
}
