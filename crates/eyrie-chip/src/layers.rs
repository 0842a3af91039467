//! One layer: padding, the convolution split over threads by rows, and the 2x2 max pooling.
//!
//! Between layers activations lie padded, `(height + 2) x (width + 2) x channels`, with a border of zeros (of the
//! padding colour before the first layer), so that no kernel ever asks whether a pixel exists. The maps of a batch
//! follow one another.

use crate::feature_map::FeatureMap;
use crate::kernels::{Band, Kernels, SUMS};
use crate::pack::PackedConv;
use crate::params::SoundConv;
use crate::team::{Team, split};

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

/// Scratch of one thread: an expanded block of weights, and sums.
#[derive(Debug, Clone)]
pub(crate) struct Scratch {
    bytes: Vec<i8>,
    start: usize,
    sums: Vec<i32>,
}

impl Scratch {
    /// Room for `len` levels.
    pub(crate) fn new(len: usize) -> Self {
        let bytes = vec![0i8; len + ALIGNMENT];
        // On a platform that cannot tell, any start is right and only slower.
        let start = bytes.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
        Self { bytes, start, sums: vec![0; SUMS] }
    }

    /// Bytes of memory held.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len() + size_of_val(self.sums.as_slice())
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
        clear_ends(shape.channels, row);
    }
}

/// Zeroes the first and the last pixel of a padded row.
fn clear_ends(channels: usize, row: &mut [u8]) {
    let end = row.len() - channels;
    row[..channels].fill(0);
    row[end..].fill(0);
}

/// Convolves `batch` padded maps of `shape` in `src` into padded maps in `dst`, the rows split over one thread a scratch.
pub(crate) fn conv(
    kernels: Kernels,
    conv: &PackedConv,
    src: &[u8],
    shape: Padded,
    batch: usize,
    dst: &mut [u8],
    scratch: &mut [Scratch],
) {
    debug_assert_eq!(shape.channels, conv.cin);
    let out = shape.with_channels(conv.cout);
    in_bands(scratch, out, batch, dst, |scratch, first, dst| {
        let Scratch { bytes, start, sums } = scratch;
        let panel = &mut bytes[*start..];
        for block in 0..conv.blocks() {
            kernels.expand(conv, block, panel);
            each_map(out, first, dst, |map, first, rows, dst| {
                let src = &src[map * shape.len() + first * shape.row_len()..][..(rows + 2) * shape.row_len()];
                kernels.conv_block(conv, block, panel, sums, Band { src, rows, width: shape.width, dst });
            });
        }
    });
}

/// Pools `batch` padded maps of `shape` in `src` into padded maps in `dst`, split like [`conv`].
pub(crate) fn pool(src: &[u8], shape: Padded, batch: usize, dst: &mut [u8], scratch: &mut [Scratch]) {
    let out = shape.pooled();
    in_bands(scratch, out, batch, dst, |_, first, dst| {
        each_map(out, first, dst, |map, first, rows, dst| {
            let src = &src[map * shape.len()..];
            let (row, channels) = (shape.row_len(), shape.channels);
            for y in 0..rows {
                let above = &src[(2 * (first + y) + 1) * row + channels..][..2 * out.width * channels];
                let below = &src[(2 * (first + y) + 2) * row + channels..][..2 * out.width * channels];
                let dst = &mut dst[y * out.row_len() + channels..][..out.width * channels];
                pool_row(above, below, channels, dst);
            }
        });
    });
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

/// Splits the rows of `batch` maps of shape `out` into one band a thread, runs the bands side by side and clears the
/// borders. `run` gets the first row of its band, counted through all maps without their borders, and the band's
/// part of `dst`: padded rows, with the border rows of the maps that begin or end in it. Rows are independent of one
/// another, so the split has no influence on the result.
fn in_bands(
    scratch: &mut [Scratch],
    out: Padded,
    batch: usize,
    dst: &mut [u8],
    run: impl Fn(&mut Scratch, usize, &mut [u8]) + Sync,
) {
    // The padded row at which a band starts: with a map, its upper border; within one, the row itself.
    let start = |row: usize| {
        (row / out.height) * (out.height + 2) + row % out.height + usize::from(!row.is_multiple_of(out.height))
    };
    let rows = batch * out.height;
    let offset = |row: usize| start(row) * out.row_len();
    split(scratch, 0..rows, &mut dst[..batch * out.len()], &offset, &|scratch: &mut Scratch, first, dst: &mut [u8]| {
        for (row, padded) in dst.chunks_exact_mut(out.row_len()).enumerate() {
            match (start(first) + row) % (out.height + 2) {
                border if border == 0 || border == out.height + 1 => padded.fill(0),
                _ => clear_ends(out.channels, padded),
            }
        }
        run(scratch, first, dst);
    });
}

/// Calls `run` for the part of each map in a band of [`in_bands`]: the number of the map, the first row within it, the
/// number of rows, and these rows without the border rows.
fn each_map(out: Padded, first: usize, dst: &mut [u8], mut run: impl FnMut(usize, usize, usize, &mut [u8])) {
    let row_len = out.row_len();
    let (mut map, mut row, mut rest) = (first / out.height, first % out.height, dst);
    while !rest.is_empty() {
        let skip = usize::from(row == 0);
        let rows = (out.height - row).min(rest.len() / row_len - skip);
        run(map, row, rows, &mut rest[skip * row_len..][..rows * row_len]);
        let border = usize::from(row + rows == out.height);
        rest = &mut rest[(skip + rows + border) * row_len..];
        (map, row) = (map + 1, 0);
    }
}

/// One packed layer that runs on its own.
#[derive(Debug, Clone)]
pub struct Layer {
    packed: PackedConv,
    channels: usize,
}

impl Layer {
    /// Packs; the pooling of `params` is left out.
    pub fn new(params: &SoundConv) -> Self {
        Self { packed: PackedConv::new(params), channels: params.cin }
    }
}

/// The requantised convolution of one map, without pooling; the same size out as in.
///
/// `padding` is the border of a three-channel input and unused for every other. The threads of `team`
/// split the rows. Memory is allocated for each call.
///
/// # Panics
/// If `input` has other channels than the layer takes, or if its data has not the length its shape states.
pub fn run_layer(kernels: Kernels, layer: &Layer, input: &FeatureMap, padding: [u8; 3], team: &Team) -> FeatureMap {
    assert_eq!(input.channels, layer.channels, "channels of the input");
    assert_eq!(input.data.len(), input.height * input.width * input.channels, "length of the input");
    let shape = Padded { height: input.height, width: input.width, channels: layer.packed.cin };
    let mut src = vec![0; shape.len()];
    pad(&input.data, input.channels, padding, shape, &mut src);
    let out = shape.with_channels(layer.packed.cout);
    let mut dst = vec![0; out.len()];
    let mut scratch: Vec<Scratch> = (0..team.threads()).map(|_| Scratch::new(layer.packed.panel_len())).collect();
    team.run(|| conv(kernels, &layer.packed, &src, shape, 1, &mut dst, &mut scratch));
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
