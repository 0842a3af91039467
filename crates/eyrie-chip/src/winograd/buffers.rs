//! The memory that layers by Winograd's tiles need.

use crate::kernels::winograd::{MOST_TILES, Place, SUMS, panel_len};
use crate::pack::PackedConv;
use crate::padded::Aligned;
use crate::winograd::algebra::Tile;

/// Bytes of expanded weights that are kept for all blocks of a layer.
const ALL_PANELS: usize = 512 << 10;

/// Bytes of transformed inputs of a thread, where a group does not need more.
const INPUTS: usize = 2 << 20;

/// Groups that are taken at a time where the weights of all blocks are kept.
pub(super) const FEW_GROUPS: usize = 2;

/// The most groups that are taken at a time.
pub(super) const MOST_GROUPS: usize = 256;

/// Scratch of one thread: transformed inputs, sums, and the tiles of the groups that are taken at a
/// time.
#[derive(Debug, Clone)]
pub(crate) struct Buffers {
    pub(super) v: Aligned<u8>,
    pub(super) sums: Aligned<i32>,
    pub(super) places: Vec<Place>,
}

impl Buffers {
    /// Room for these layers.
    pub(crate) fn new<'a>(layers: impl Iterator<Item = &'a PackedConv> + Clone) -> Self {
        let tiled = |conv: &&PackedConv| Tile::ALL.into_iter().any(|tile| conv.corrections(tile).is_some());
        let Some(cin) = layers.filter(tiled).map(|conv| conv.cin).max() else {
            return Self { v: Aligned::new(0), sums: Aligned::new(0), places: Vec::new() };
        };
        Self {
            v: Aligned::new(INPUTS.max(group_len(cin, Tile::Wide, MOST_TILES))),
            sums: Aligned::new(SUMS),
            places: vec![Place::default(); MOST_GROUPS * MOST_TILES],
        }
    }

    /// Bytes of memory held.
    pub(crate) fn bytes(&self) -> usize {
        self.v.bytes() + self.sums.bytes() + size_of_val(self.places.as_slice())
    }
}

/// Bytes of the transformed inputs of a group.
pub(super) const fn group_len(cin: usize, tile: Tile, tiles: usize) -> usize {
    tile.places() * tiles * cin
}

/// Whether the weights of all blocks are kept.
pub(super) fn keeps_all(conv: &PackedConv, tile: Tile) -> bool {
    conv.blocks() * panel_len(conv.cin, tile) <= ALL_PANELS
}

/// Bytes of expanded weights that a layer needs at most.
pub(crate) fn panels_len(conv: &PackedConv) -> usize {
    let tiles = Tile::ALL.into_iter().filter(|tile| conv.corrections(*tile).is_some());
    let len = |tile| panel_len(conv.cin, tile) * if keeps_all(conv, tile) { conv.blocks() } else { 1 };
    tiles.map(len).max().unwrap_or(0)
}
