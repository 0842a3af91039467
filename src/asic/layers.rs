//! One layer: padding, the convolution split over threads by rows, and the 2x2 max pooling.
//!
//! Between layers activations lie padded, `(height + 2) x (width + 2) x channels`, with a border of zeros (of the
//! padding colour before the first layer), so that no kernel ever asks whether a pixel exists.

use super::kernels::Kernels;
use super::pack::PackedConv;
use super::{ConvParams, FeatureMap, ModelError};

/// Where the panels start: one cache line, one vector of AVX-512.
const ALIGNMENT: usize = 64;

/// The shape of a padded map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Padded {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) channels: usize,
}

impl Padded {
    /// Bytes of one padded row.
    pub(crate) fn row_len(self) -> usize {
        (self.width + 2) * self.channels
    }

    /// Bytes of the padded map.
    pub(crate) fn len(self) -> usize {
        (self.height + 2) * self.row_len()
    }

    /// The same pixels with other channels.
    pub(crate) fn with_channels(self, channels: usize) -> Self {
        Self { channels, ..self }
    }

    /// After a 2x2 pooling with stride 2; an odd last row or column is dropped.
    pub(crate) fn pooled(self) -> Self {
        Self { height: self.height / 2, width: self.width / 2, ..self }
    }
}

/// Scratch of one thread: an expanded block of weights.
#[derive(Debug, Clone)]
pub(crate) struct Panel {
    bytes: Vec<i8>,
    start: usize,
}

impl Panel {
    /// Room for `len` levels.
    pub(crate) fn new(len: usize) -> Self {
        let bytes = vec![0i8; len + ALIGNMENT];
        // On a platform that cannot tell, any start is right and only slower.
        let start = bytes.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
        Self { bytes, start }
    }

    /// Bytes of memory held.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    fn levels(&mut self) -> &mut [i8] {
        &mut self.bytes[self.start..]
    }
}

/// Writes a map of three channels (an image) or of `shape.channels` into a padded buffer.
///
/// An image gets a fourth channel of zeros, and its border is `padding`; every other border is zero.
pub(crate) fn pad(data: &[u8], channels: usize, padding: [u8; 3], shape: Padded, dst: &mut [u8]) {
    if channels == 3 {
        let border = [padding[0], padding[1], padding[2], 0];
        for row in [0, shape.height + 1] {
            dst[row * shape.row_len()..][..shape.row_len()].as_chunks_mut().0.fill(border);
        }
        let rows = dst[shape.row_len()..].chunks_exact_mut(shape.row_len());
        for (src, dst) in data.chunks_exact(shape.width * 3).zip(rows) {
            let (pixels, _) = dst.as_chunks_mut::<4>();
            pixels[0] = border;
            pixels[shape.width + 1] = border;
            for (pixel, rgb) in pixels[1..].iter_mut().zip(src.as_chunks::<3>().0) {
                *pixel = [rgb[0], rgb[1], rgb[2], 0];
            }
        }
    } else {
        clear_border(shape, dst);
        let rows = dst[shape.row_len()..].chunks_exact_mut(shape.row_len());
        for (src, dst) in data.chunks_exact(shape.width * channels).zip(rows) {
            dst[channels..][..src.len()].copy_from_slice(src);
        }
    }
}

/// The inverse of [`pad`] for maps.
pub(crate) fn unpad(src: &[u8], shape: Padded, dst: &mut [u8]) {
    let rows = src[shape.row_len()..].chunks_exact(shape.row_len());
    for (dst, src) in dst.chunks_exact_mut(shape.width * shape.channels).zip(rows) {
        dst.copy_from_slice(&src[shape.channels..][..shape.width * shape.channels]);
    }
}

/// Zeroes the border of a padded map.
fn clear_border(shape: Padded, map: &mut [u8]) {
    let row_len = shape.row_len();
    map[..row_len].fill(0);
    map[(shape.height + 1) * row_len..][..row_len].fill(0);
    for row in map[row_len..].chunks_exact_mut(row_len).take(shape.height) {
        row[..shape.channels].fill(0);
        row[row_len - shape.channels..].fill(0);
    }
}

/// Convolves a padded map of `shape` in `src` into a padded map in `dst`, with one thread a panel.
pub(crate) fn conv(
    kernels: Kernels,
    conv: &PackedConv,
    src: &[u8],
    shape: Padded,
    dst: &mut [u8],
    panels: &mut [Panel],
) {
    debug_assert_eq!(shape.channels, conv.cin);
    let out = shape.with_channels(conv.cout);
    clear_border(out, dst);
    let inner = &mut dst[out.row_len()..][..out.height * out.row_len()];
    let run = |panel: &mut Panel, first: usize, rows: usize, dst: &mut [u8]| {
        let src = &src[first * shape.row_len()..][..(rows + 2) * shape.row_len()];
        kernels.conv_band(conv, panel.levels(), src, rows, shape.width, dst);
    };
    in_bands(panels, out.height, out.row_len(), inner, run);
}

/// Pools a padded map of `shape` in `src` into a padded map in `dst`, split over threads like [`conv`].
pub(crate) fn pool(src: &[u8], shape: Padded, dst: &mut [u8], panels: &mut [Panel]) {
    let out = shape.pooled();
    clear_border(out, dst);
    let inner = &mut dst[out.row_len()..][..out.height * out.row_len()];
    let run = |_: &mut Panel, first: usize, rows: usize, dst: &mut [u8]| {
        let (row, channels) = (shape.row_len(), shape.channels);
        for y in 0..rows {
            let above = &src[(2 * (first + y) + 1) * row + channels..][..2 * out.width * channels];
            let below = &src[(2 * (first + y) + 2) * row + channels..][..2 * out.width * channels];
            let dst = &mut dst[y * out.row_len() + channels..][..out.width * channels];
            pool_row(above, below, channels, dst);
        }
    };
    in_bands(panels, out.height, out.row_len(), inner, run);
}

/// Maxima over 2x2 pixels of two rows.
fn pool_row(above: &[u8], below: &[u8], channels: usize, dst: &mut [u8]) {
    let pairs = above.chunks_exact(2 * channels).zip(below.chunks_exact(2 * channels));
    for (dst, (above, below)) in dst.chunks_exact_mut(channels).zip(pairs) {
        let (a, b) = above.split_at(channels);
        let (c, d) = below.split_at(channels);
        for ((((dst, &a), &b), &c), &d) in dst.iter_mut().zip(a).zip(b).zip(c).zip(d) {
            *dst = a.max(b).max(c.max(d));
        }
    }
}

/// Splits `height` rows of `row_len` bytes into one band a panel and runs them side by side; the last one on this
/// thread. Rows are independent of one another, so the split has no influence on the result.
fn in_bands(
    panels: &mut [Panel],
    height: usize,
    row_len: usize,
    mut dst: &mut [u8],
    run: impl Fn(&mut Panel, usize, usize, &mut [u8]) + Sync,
) {
    let bands = panels.len();
    std::thread::scope(|scope| {
        for (band, panel) in panels.iter_mut().enumerate() {
            let (first, end) = (height * band / bands, height * (band + 1) / bands);
            let (rows, rest) = std::mem::take(&mut dst).split_at_mut((end - first) * row_len);
            dst = rest;
            if band + 1 == bands {
                run(panel, first, end - first, rows);
            } else if end > first {
                let run = &run;
                scope.spawn(move || run(panel, first, end - first, rows));
            }
        }
    });
}

/// One validated and packed layer that runs on its own.
#[derive(Debug, Clone)]
pub struct Layer {
    packed: PackedConv,
    channels: usize,
}

impl Layer {
    /// Validates and packs; the pooling of `params` is left out.
    ///
    /// # Errors
    /// Those of [`ConvParams::validate`].
    pub fn new(params: &ConvParams) -> Result<Self, ModelError> {
        Ok(Self { packed: PackedConv::new(params)?, channels: params.cin })
    }
}

/// The requantised convolution of one map, without pooling; the same size out as in.
///
/// `padding` is the border of a three-channel input and unused for every other. `threads` split the rows; 1 spawns
/// nothing. Memory is allocated for each call.
///
/// # Panics
/// If `input` has other channels than the layer takes, if its data has not the length its shape states, or if
/// `threads` is 0.
pub fn run_layer(kernels: Kernels, layer: &Layer, input: &FeatureMap, padding: [u8; 3], threads: usize) -> FeatureMap {
    assert_eq!(input.channels, layer.channels, "channels of the input");
    assert_eq!(input.data.len(), input.height * input.width * input.channels, "length of the input");
    assert!(threads > 0, "at least one thread");
    let shape = Padded { height: input.height, width: input.width, channels: layer.packed.cin };
    let mut src = vec![0; shape.len()];
    pad(&input.data, input.channels, padding, shape, &mut src);
    let out = shape.with_channels(layer.packed.cout);
    let mut dst = vec![0; out.len()];
    let mut panels: Vec<Panel> = (0..threads).map(|_| Panel::new(layer.packed.panel_len())).collect();
    conv(kernels, &layer.packed, &src, shape, &mut dst, &mut panels);
    let mut map = FeatureMap::zeros(out.height, out.width, out.channels);
    unpad(&dst, out, &mut map.data);
    map
}

/// The maxima of non-overlapping 2x2 windows; an odd last row or column is dropped.
///
/// # Panics
/// If the data has not the length its shape states.
pub fn max_pool_2x2(input: &FeatureMap) -> FeatureMap {
    assert_eq!(input.data.len(), input.height * input.width * input.channels, "length of the input");
    let (row, pooled) = (input.width * input.channels, input.width / 2 * input.channels);
    let mut map = FeatureMap::zeros(input.height / 2, input.width / 2, input.channels);
    if pooled == 0 {
        return map;
    }
    for (dst, rows) in map.data.chunks_exact_mut(pooled).zip(input.data.chunks_exact(2 * row)) {
        let (above, below) = rows.split_at(row);
        pool_row(above, below, input.channels, dst);
    }
    map
}
