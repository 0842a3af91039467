//! The memory of one thread during a layer, and the split of a layer over the threads.

use crate::kernels::SUMS;
use crate::pack::PackedConv;
use crate::padded::{Aligned, Bands, clear_ends};
use crate::team::split;
use crate::winograd::buffers::{Buffers, panels_len};

/// Scratch of one thread: expanded weights, sums, and what Winograd's tiles need.
#[derive(Debug, Clone)]
pub(crate) struct Scratch {
    pub(crate) panel: Aligned<i8>,
    pub(crate) sums: Vec<i32>,
    pub(crate) winograd: Buffers,
}

impl Scratch {
    /// Room for these layers.
    pub(crate) fn new<'a>(layers: impl Iterator<Item = &'a PackedConv> + Clone) -> Self {
        let panel = layers.clone().map(|layer| layer.panel_len().max(panels_len(layer))).max().unwrap_or(0);
        Self { panel: Aligned::new(panel), sums: vec![0; SUMS], winograd: Buffers::new(layers) }
    }

    /// Bytes of memory held.
    pub(crate) fn bytes(&self) -> usize {
        self.panel.bytes() + size_of_val(self.sums.as_slice()) + self.winograd.bytes()
    }
}

/// Splits the rows of `batch` maps into one band a thread, runs the bands side by side and clears
/// the borders. `run` gets the first run of rows of its band, counted through all maps, and the
/// band's part of `dst`: padded rows, with the border rows of the maps that begin or end in it.
/// Rows are independent of one another, so the split has no influence on the result.
pub(crate) fn in_bands(
    scratch: &mut [Scratch],
    bands: Bands,
    batch: usize,
    dst: &mut [u8],
    run: impl Fn(&mut Scratch, usize, &mut [u8]) + Sync,
) {
    let out = bands.out;
    let offset = |first: usize| bands.start(first) * out.row_len();
    let runs = 0..batch * bands.rows();
    split(scratch, runs, &mut dst[..batch * out.len()], &offset, &|scratch: &mut Scratch, first, dst: &mut [u8]| {
        for (row, padded) in dst.chunks_exact_mut(out.row_len()).enumerate() {
            match (bands.start(first) + row) % (out.height + 2) {
                border if border == 0 || border == out.height + 1 => padded.fill(0),
                _ => clear_ends(out.channels, padded),
            }
        }
        run(scratch, first, dst);
    });
}
