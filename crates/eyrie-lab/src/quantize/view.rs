//! Synthetic views: what a picture could look like when somebody photographs it. Whitenings are
//! learned from them as well.

use eyrie_chip::Random;

/// Longer side of a view, in pixels.
const LONG_SIDE: usize = 640;

/// Pixels of three bytes (R, G, B), row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `width * height * 3` bytes.
    pub rgb: Vec<u8>,
}

/// A made-up photograph of `thing` in front of `clutter`: 640x480 or 480x640 pixels, the thing in
/// perspective and turned by at most 15 degrees, filling from 60 % of a side to a little more than
/// all of it; then other light (brightness, contrast by gamma, a cast, a glare), blur and noise.
/// The same pictures and seed give the same view.
///
/// # Panics
/// If a picture has no pixels or its bytes are not `width * height * 3`.
pub fn synthetic_view(thing: &Picture, clutter: &Picture, seed: u64) -> Picture {
    for picture in [thing, clutter] {
        assert!(picture.width > 0 && picture.height > 0, "a picture has pixels");
        assert_eq!(picture.rgb.len(), picture.width * picture.height * 3, "bytes of a picture");
    }
    let mut random = Random::new(seed);
    let short = LONG_SIDE * 3 / 4;
    let (width, height) = if thing.width > thing.height { (LONG_SIDE, short) } else { (short, LONG_SIDE) };
    let mut canvas = cover(clutter, width, height);
    let corners = corners(thing, width, height, &mut random);
    if let Some(inverse) = to_unit_square(&corners) {
        place(thing, &inverse, width, height, &mut canvas);
    }
    let deviation = random.between(0.0, 2.5);
    for channel in 0..3 {
        blur(&mut canvas, width, height, channel, deviation);
    }
    let light = Light::random(width, height, &mut random);
    let noise = random.between(0.0, 8.0);
    let rgb = canvas
        .iter()
        .enumerate()
        .map(|(i, &value)| {
            let (pixel, channel) = (i / 3, i % 3);
            let lit = light.on(f64::from(value), pixel % width, pixel / width, channel);
            (lit + noise * f64::from(random.normal())).round().clamp(0.0, 255.0) as u8
        })
        .collect();
    Picture { width, height, rgb }
}

/// The clutter, enlarged or shrunk until it covers the view (nearest pixels: it will be blurred).
fn cover(clutter: &Picture, width: usize, height: usize) -> Vec<f32> {
    let scale = (clutter.width as f64 / width as f64).min(clutter.height as f64 / height as f64);
    let mut canvas = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width {
            let at = |position: usize, size: usize| ((position as f64 * scale) as usize).min(size - 1);
            let from = (at(y, clutter.height) * clutter.width + at(x, clutter.width)) * 3;
            canvas.extend(clutter.rgb[from..from + 3].iter().map(|&value| f32::from(value)));
        }
    }
    canvas
}

/// Where the corners of the thing come to lie: left upper, right upper, right lower, left lower.
fn corners(thing: &Picture, width: usize, height: usize, random: &mut Random) -> [[f64; 2]; 4] {
    let (w, h) = (width as f64, height as f64);
    let fit = (w / thing.width as f64).min(h / thing.height as f64) * random.between(0.6, 1.1);
    let (half_width, half_height) = (thing.width as f64 * fit / 2.0, thing.height as f64 * fit / 2.0);
    let (sin, cos) = random.between(-15.0, 15.0).to_radians().sin_cos();
    let centre = [w * random.between(0.42, 0.58), h * random.between(0.42, 0.58)];
    let jitter = 0.12 * 2.0 * half_width.min(half_height);
    [[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]].map(|[x, y]| {
        let (x, y) = (x * half_width, y * half_height);
        [
            centre[0] + cos * x - sin * y + random.between(-jitter, jitter),
            centre[1] + sin * x + cos * y + random.between(-jitter, jitter),
        ]
    })
}

/// The projective map that takes the four corners to those of the unit square, row by row; `None`
/// for corners that span no area. After P. Heckbert, "Fundamentals of Texture Mapping and Image
/// Warping", 1989, section 2.2.3.
fn to_unit_square(corners: &[[f64; 2]; 4]) -> Option<[f64; 9]> {
    let [[x0, y0], [x1, y1], [x2, y2], [x3, y3]] = *corners;
    let (dx1, dx2, dx3) = (x1 - x2, x3 - x2, x0 - x1 + x2 - x3);
    let (dy1, dy2, dy3) = (y1 - y2, y3 - y2, y0 - y1 + y2 - y3);
    let area = dx1 * dy2 - dx2 * dy1;
    if area.abs() < 1e-9 {
        return None;
    }
    let (g, h) = ((dx3 * dy2 - dx2 * dy3) / area, (dx1 * dy3 - dx3 * dy1) / area);
    let [a, b, c] = [x1 - x0 + g * x1, x3 - x0 + h * x3, x0];
    let [d, e, f] = [y1 - y0 + g * y1, y3 - y0 + h * y3, y0];
    // The inverse up to a factor, which a projective map does not care about.
    let inverse = [
        e - f * h,
        c * h - b,
        b * f - c * e,
        f * g - d,
        a - c * g,
        c * d - a * f,
        d * h - e * g,
        b * g - a * h,
        a * e - b * d,
    ];
    inverse.iter().all(|value| value.is_finite()).then_some(inverse)
}

/// Draws the thing where `inverse` takes a pixel into the unit square.
fn place(thing: &Picture, inverse: &[f64; 9], width: usize, height: usize, canvas: &mut [f32]) {
    for y in 0..height {
        for x in 0..width {
            let (px, py) = (x as f64 + 0.5, y as f64 + 0.5);
            let row = |i: usize| inverse[i] * px + inverse[i + 1] * py + inverse[i + 2];
            let w = row(6);
            let (u, v) = (row(0) / w, row(3) / w);
            if (0.0..1.0).contains(&u) && (0.0..1.0).contains(&v) {
                let pixel = &mut canvas[(y * width + x) * 3..][..3];
                for (channel, value) in pixel.iter_mut().enumerate() {
                    *value = bilinear(thing, u * thing.width as f64 - 0.5, v * thing.height as f64 - 0.5, channel);
                }
            }
        }
    }
}

/// The value between four pixels; beyond the border the outermost pixels go on.
fn bilinear(picture: &Picture, x: f64, y: f64, channel: usize) -> f32 {
    let (x0, y0) = (x.floor(), y.floor());
    let (fx, fy) = (x - x0, y - y0);
    let at = |x: f64, y: f64| {
        let column = x.clamp(0.0, (picture.width - 1) as f64) as usize;
        let row = y.clamp(0.0, (picture.height - 1) as f64) as usize;
        f64::from(picture.rgb[(row * picture.width + column) * 3 + channel])
    };
    let above = at(x0, y0) * (1.0 - fx) + at(x0 + 1.0, y0) * fx;
    let below = at(x0, y0 + 1.0) * (1.0 - fx) + at(x0 + 1.0, y0 + 1.0) * fx;
    (above * (1.0 - fy) + below * fy) as f32
}

/// Nearly Gaussian blur of one channel: three box filters (W. Wells, 1986) of the whole radius
/// whose variances together come nearest to that of `deviation` pixels.
fn blur(canvas: &mut [f32], width: usize, height: usize, channel: usize, deviation: f64) {
    // A box of 2r + 1 pixels has the variance ((2r + 1)^2 - 1) / 12, three of them r (r + 1).
    let radius = (((4.0 * deviation * deviation + 1.0).sqrt() - 1.0) / 2.0).round() as usize;
    if radius == 0 {
        return;
    }
    for _ in 0..3 {
        for y in 0..height {
            box_filter(canvas, y * width * 3 + channel, 3, width, radius);
        }
        for x in 0..width {
            box_filter(canvas, x * 3 + channel, width * 3, height, radius);
        }
    }
}

/// The mean over each value and its `radius` neighbours on both sides, along `count` values that
/// are `step` apart.
fn box_filter(canvas: &mut [f32], first: usize, step: usize, count: usize, radius: usize) {
    let line: Vec<f32> = (0..count).map(|i| canvas[first + i * step]).collect();
    let at = |i: isize| line[i.clamp(0, count as isize - 1) as usize];
    let (count, radius) = (count as isize, radius as isize);
    let mut sum: f32 = (-radius..=radius).map(at).sum();
    for i in 0..count {
        canvas[first + i as usize * step] = sum / (2 * radius + 1) as f32;
        sum += at(i + radius + 1) - at(i - radius);
    }
}

/// The light of a view.
struct Light {
    gain: [f64; 3],
    gamma: f64,
    /// Centre and radius of a glare in pixels, and how much white it adds.
    glare: [f64; 4],
}

impl Light {
    fn random(width: usize, height: usize, random: &mut Random) -> Self {
        let brightness = random.between(0.6, 1.4);
        let strength = if random.between(0.0, 1.0) < 0.3 { random.between(40.0, 160.0) } else { 0.0 };
        Self {
            gain: [0; 3].map(|_| brightness * random.between(0.85, 1.15)),
            gamma: random.between(0.7, 1.4),
            glare: [
                random.between(0.0, width as f64),
                random.between(0.0, height as f64),
                random.between(0.1, 0.4) * width as f64,
                strength,
            ],
        }
    }

    fn on(&self, value: f64, x: usize, y: usize, channel: usize) -> f64 {
        let lit = 255.0 * (value.max(0.0) / 255.0).powf(self.gamma) * self.gain[channel];
        let [centre_x, centre_y, radius, strength] = self.glare;
        if strength == 0.0 {
            return lit;
        }
        let distance = ((x as f64 - centre_x).powi(2) + (y as f64 - centre_y).powi(2)) / (radius * radius);
        lit + strength * (-distance).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: usize, height: usize, colour: [u8; 3]) -> Picture {
        Picture { width, height, rgb: colour.repeat(width * height) }
    }

    #[test]
    fn the_same_seed_gives_the_same_view_and_another_seed_another() {
        let (thing, clutter) = (picture(60, 90, [200, 40, 40]), picture(100, 80, [20, 90, 200]));
        let view = synthetic_view(&thing, &clutter, 5);
        assert_eq!(view, synthetic_view(&thing, &clutter, 5));
        assert_ne!(view, synthetic_view(&thing, &clutter, 6));
        assert_eq!((view.width, view.height), (480, 640));
        assert_eq!(synthetic_view(&clutter, &thing, 5).width, 640);
    }

    #[test]
    fn the_thing_lies_in_the_middle_and_fills_a_good_part() {
        let (thing, clutter) = (picture(60, 90, [250, 10, 10]), picture(100, 80, [10, 10, 250]));
        for seed in 0..20 {
            let view = synthetic_view(&thing, &clutter, seed);
            let red = |pixel: &[u8]| pixel[0] > pixel[2];
            let middle = (view.height / 2 * view.width + view.width / 2) * 3;
            assert!(red(&view.rgb[middle..middle + 3]), "seed {seed}");
            let share = view.rgb.chunks_exact(3).filter(|pixel| red(pixel)).count() as f64 / (480.0 * 640.0);
            assert!(share > 0.2, "seed {seed}: {share}");
        }
    }

    #[test]
    fn corners_go_to_the_unit_square() {
        let corners = [[10.0, 20.0], [110.0, 5.0], [120.0, 140.0], [-7.0, 90.0]];
        let inverse = to_unit_square(&corners).expect("an area");
        for ([x, y], want) in corners.into_iter().zip([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]) {
            let row = |i: usize| inverse[i] * x + inverse[i + 1] * y + inverse[i + 2];
            let got = [row(0) / row(6), row(3) / row(6)];
            assert!((got[0] - want[0]).abs() < 1e-9 && (got[1] - want[1]).abs() < 1e-9, "{got:?} {want:?}");
        }
        assert!(to_unit_square(&[[0.0, 0.0], [1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]).is_none());
    }

    #[test]
    fn a_blur_keeps_the_sum_of_a_dot_and_has_the_deviation_asked_for() {
        let (width, height) = (61, 61);
        let mut canvas = vec![0.0; width * height * 3];
        canvas[(30 * width + 30) * 3 + 1] = 1000.0;
        blur(&mut canvas, width, height, 1, 6f64.sqrt());
        let (mut sum, mut variance) = (0.0, 0.0);
        for (i, &value) in canvas.iter().enumerate() {
            sum += f64::from(value);
            variance += f64::from(value) * ((i / 3 % width) as f64 - 30.0).powi(2);
        }
        assert!((sum - 1000.0).abs() < 0.1, "{sum}");
        assert!((variance / sum - 6.0).abs() < 0.01, "{}", variance / sum);
    }

    #[test]
    #[should_panic(expected = "a picture has pixels")]
    fn an_empty_picture_is_refused() {
        synthetic_view(&picture(0, 5, [0; 3]), &picture(2, 2, [0; 3]), 1);
    }
}
