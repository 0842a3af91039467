//! One layer: padding, the convolution split over threads by rows, and the 2x2 max pooling; or both
//! by Winograd's tiles.

use crate::feature_map::FeatureMap;
use crate::kernels::{Band, Kernels};
use crate::pack::PackedConv;
use crate::padded::{Bands, Padded, clear_ends};
use crate::params::SoundConv;
use crate::scratch::{Scratch, in_bands};
use crate::team::Team;
use crate::winograd::layer::conv as conv_by_tiles;

/// Writes a map of three channels (an image) or of `shape.channels` into a padded buffer.
///
/// An image gets a fourth channel of zeros, and its border is `padding`; every other border is
/// zero.
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

/// Convolves `batch` padded maps of `shape` in `src` into padded maps in `dst`, the rows split over
/// one thread a scratch. Every product is computed.
fn conv(
    kernels: Kernels,
    conv: &PackedConv,
    src: &[u8],
    shape: Padded,
    batch: usize,
    dst: &mut [u8],
    scratch: &mut [Scratch],
) {
    assert_eq!(shape.channels, conv.cin);
    let out = shape.with_channels(conv.cout);
    in_bands(scratch, Bands { out, step: 1 }, batch, dst, |scratch, first, dst| {
        let Scratch { panel, sums, .. } = scratch;
        let panel = panel.as_mut_slice();
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
fn pool(src: &[u8], shape: Padded, batch: usize, dst: &mut [u8], scratch: &mut [Scratch]) {
    let out = shape.pooled();
    in_bands(scratch, Bands { out, step: 1 }, batch, dst, |_, first, dst| {
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

/// A layer, whichever way it is computed: from the `batch` padded maps of `shape` in `front` to
/// padded maps in one of the two buffers, which are given back as result and other.
#[expect(clippy::too_many_arguments, reason = "the operands of a layer and what it is computed with")]
pub(crate) fn conv_and_pool<'a>(
    kernels: Kernels,
    layer: &PackedConv,
    pooled: bool,
    front: &'a mut [u8],
    back: &'a mut [u8],
    shape: Padded,
    batch: usize,
    scratch: &mut [Scratch],
) -> (&'a mut [u8], &'a mut [u8]) {
    if let Some(tiles) = kernels.winograd(layer, shape, pooled) {
        conv_by_tiles(tiles, layer, pooled, front, shape, batch, back, scratch);
        return (back, front);
    }
    conv(kernels, layer, front, shape, batch, back, scratch);
    if !pooled {
        return (back, front);
    }
    pool(back, shape.with_channels(layer.cout), batch, front, scratch);
    (front, back)
}

/// Calls `run` for the part of each map in a band of [`in_bands`]: the number of the map, the first
/// row within it, the number of rows, and these rows without the border rows.
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
/// `padding` is the border of a three-channel input and unused for every other. The threads of
/// `team` split the rows. Memory is allocated for each call.
///
/// # Panics
/// If `input` has other channels than the layer takes, or if its data has not the length its shape
/// states.
pub fn run_layer(kernels: Kernels, layer: &Layer, input: &FeatureMap, padding: [u8; 3], team: &Team) -> FeatureMap {
    assert_eq!(input.channels, layer.channels, "channels of the input");
    assert_eq!(input.data.len(), input.height * input.width * input.channels, "length of the input");
    let shape = Padded { height: input.height, width: input.width, channels: layer.packed.cin };
    let mut src = vec![0; shape.len()];
    pad(&input.data, input.channels, padding, shape, &mut src);
    let out = shape.with_channels(layer.packed.cout);
    let mut dst = vec![0; out.len()];
    let packed = std::iter::once(&layer.packed);
    let mut scratch: Vec<Scratch> = (0..team.threads()).map(|_| Scratch::new(packed.clone())).collect();
    let mut map = FeatureMap::zeros(out.height, out.width, out.channels);
    team.run(|| {
        let (dst, _) = conv_and_pool(kernels, &layer.packed, false, &mut src, &mut dst, shape, 1, &mut scratch);
        unpad(dst, out, &mut map.data);
    });
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
