//! One layer by Winograd's tiles, over the padded maps of a batch.
//!
//! The tiles of a thread's band, over all rows and maps, are cut into groups, and the groups are
//! taken some at a time: their inputs are transformed once, then each block of output channels
//! passes over them. Where the expanded weights of all blocks fit the second-level cache they are
//! expanded once and few groups are taken at a time, whose inputs stay in the first-level cache;
//! else as many groups as there is memory for, so that a block is expanded seldom.

use crate::kernels::winograd::{Place, Winograd, Work, panel_len};
use crate::pack::PackedConv;
use crate::padded::{Bands, Padded};
use crate::scratch::{Scratch, in_bands};
use crate::winograd::algebra::{TILE_ROWS, Tile};
use crate::winograd::buffers::{Buffers, FEW_GROUPS, MOST_GROUPS, group_len, keeps_all};

/// Convolves `batch` padded maps of `shape` in `src` into padded maps in `dst`, pooled or not, the
/// rows of tiles split over one thread a scratch.
#[expect(clippy::too_many_arguments, reason = "the operands of a convolution and what it is computed with")]
pub(crate) fn conv(
    (tile, kernels): (Tile, Winograd),
    conv: &PackedConv,
    pooled: bool,
    src: &[u8],
    shape: Padded,
    batch: usize,
    dst: &mut [u8],
    scratch: &mut [Scratch],
) {
    assert_eq!(shape.channels, conv.cin);
    let out = shape.with_channels(conv.cout);
    let out = if pooled { out.pooled() } else { out };
    let bands = Bands { out, step: if pooled { 1 } else { TILE_ROWS } };
    let columns = if pooled { 2 * out.width } else { out.width };
    let panel_len = panel_len(conv.cin, tile);
    let keeps_all = keeps_all(conv, tile);
    in_bands(scratch, bands, batch, dst, |scratch, first, dst| {
        let Scratch { panel, winograd: Buffers { v, sums, places }, .. } = scratch;
        let (panel, v, sums) = (panel.as_mut_slice(), v.as_mut_slice(), sums.as_mut_slice());
        let mut tiles = tiles(tile, bands, columns, shape.height, first, dst.len());
        let group_len = group_len(conv.cin, tile, kernels.tiles);
        let groups = if keeps_all { FEW_GROUPS } else { (v.len() / group_len).min(MOST_GROUPS) };
        if keeps_all {
            for (block, panel) in (0..conv.blocks()).zip(panel.chunks_exact_mut(panel_len)) {
                (kernels.run)(Work::Expand { conv, block, panel });
            }
        }
        loop {
            let taken =
                places[..groups * kernels.tiles].iter_mut().zip(&mut tiles).map(|(place, tile)| *place = tile).count();
            if taken == 0 {
                break;
            }
            let places = &places[..taken];
            for (tiles, v) in places.chunks(kernels.tiles).zip(v.chunks_exact_mut(group_len)) {
                (kernels.run)(Work::Inputs { src, shape, tiles, v });
            }
            for block in 0..conv.blocks() {
                let panel = if keeps_all {
                    &panel[block * panel_len..][..panel_len]
                } else {
                    let panel = &mut panel[..panel_len];
                    (kernels.run)(Work::Expand { conv, block, panel });
                    &*panel
                };
                for (tiles, v) in places.chunks(kernels.tiles).zip(v.chunks_exact(group_len)) {
                    (kernels.run)(Work::Products { conv, block, v, panel, sums });
                    let row_len = out.row_len();
                    (kernels.run)(Work::Outputs { conv, block, sums, tiles, pooled, dst, row_len });
                }
            }
        }
    });
}

/// The tiles of a band of `len` bytes that begins with the row of tiles `first`; `columns` are
/// those that a row covers.
fn tiles(
    tile: Tile,
    bands: Bands,
    columns: usize,
    height: usize,
    first: usize,
    len: usize,
) -> impl Iterator<Item = Place> {
    let (row_len, channels) = (bands.out.row_len(), bands.out.channels);
    let start = bands.start(first);
    (first..)
        .map(move |row| (row, bands.first_row(row)))
        .take_while(move |(_, at)| (at - start) * row_len < len)
        .flat_map(move |(row, at)| {
            let (map, y) = (row / bands.rows(), row % bands.rows() * TILE_ROWS);
            (0..columns).step_by(tile.width()).map(move |x| Place {
                map,
                y,
                x,
                rows: TILE_ROWS.min(height - y),
                columns: tile.width().min(columns - x),
                dst: (at - start) * row_len + (1 + x * bands.step / TILE_ROWS) * channels,
            })
        })
}
