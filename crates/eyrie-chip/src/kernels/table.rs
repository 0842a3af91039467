//! What a kernel is: three functions of one set of instructions.

use super::isa::Isa;
use super::winograd::Winograd;
use crate::pack::{BLOCK, PackedConv};
use crate::padded::Padded;
use crate::winograd::Algorithm;
use crate::winograd::algebra::Tile;

/// Expands the codes of a block of [`BLOCK`] output channels to levels: `conv.panel_len()` bytes of
/// `panel`, in an order that is the kernel's own.
pub(super) type Expand = fn(conv: &PackedConv, block: usize, panel: &mut [i8]);

/// Convolves a band of rows with the block that [`Expand`] wrote to `panel` and writes the block's
/// channels.
///
/// `sums` is scratch of [`SUMS`] integers for kernels whose sums do not fit their registers.
pub(super) type ConvBlock = fn(conv: &PackedConv, block: usize, panel: &[i8], sums: &mut [i32], band: Band<'_>);

/// The products of a kernel's inner loop and nothing else, `steps` times: no addresses to compute,
/// no memory beyond the first-level cache. Returns the number of multiply-accumulates.
pub(super) type BareProducts = fn(steps: u64) -> u64;

/// Integers of scratch that a kernel may use for sums.
pub(crate) const SUMS: usize = 512 * BLOCK;

/// A band of neighbouring rows of a map.
#[derive(Debug)]
pub(crate) struct Band<'a> {
    /// The padded rows above, of and below the band: `(rows + 2) * (width + 2) * cin` bytes.
    pub(crate) src: &'a [u8],
    /// Rows.
    pub(crate) rows: usize,
    /// Pixels of a row, without the border.
    pub(crate) width: usize,
    /// `rows * (width + 2) * cout` bytes; the first and last pixel of each row are left alone.
    pub(crate) dst: &'a mut [u8],
}

/// The functions of one instruction set. Cheap to copy; get one from [`Kernels::detect`].
#[derive(Debug, Clone, Copy)]
pub struct Kernels {
    pub(super) isa: Isa,
    pub(super) expand: Expand,
    pub(super) conv_block: ConvBlock,
    pub(super) bare_products: BareProducts,
    /// For narrow and for wide tiles, as far as there are any.
    pub(super) winograd: [Option<Winograd>; 2],
    /// Whether they are what is faster.
    pub(super) prefers_winograd: bool,
    pub(super) algorithm: Algorithm,
}

impl Kernels {
    /// What they need of the CPU.
    pub fn isa(self) -> Isa {
        self.isa
    }

    /// The same instructions, with another way to compute convolutions than [`Algorithm::Auto`].
    /// The result is the same.
    #[must_use]
    pub fn with_algorithm(self, algorithm: Algorithm) -> Self {
        Self { algorithm, ..self }
    }

    /// Which way convolutions are computed.
    pub fn algorithm(self) -> Algorithm {
        self.algorithm
    }

    /// Which tiles a layer is computed with over a map of `shape`, pooled or not, and what does it;
    /// `None` for the direct way.
    pub(crate) fn winograd(self, conv: &PackedConv, shape: Padded, pooled: bool) -> Option<(Tile, Winograd)> {
        if self.algorithm == Algorithm::Direct || (self.algorithm == Algorithm::Auto && !self.prefers_winograd) {
            return None;
        }
        let products = |tile: Tile| tile.products(shape.height, shape.width, pooled);
        let proven = |tile: &Tile| conv.corrections(*tile).is_some();
        let kernels = |tile: Tile| self.winograd[tile as usize].map(|winograd| (tile, winograd));
        let (tile, winograd) =
            Tile::ALL.into_iter().filter(proven).filter_map(kernels).min_by_key(|(tile, _)| products(*tile))?;
        // Maps of few pixels leave most of a tile unused.
        let pays = 4 * products(tile) <= 3 * 9 * shape.height * shape.width;
        (pays || self.algorithm == Algorithm::Winograd).then_some((tile, winograd))
    }

    /// Runs the products of the inner loop alone, `steps` times, on this thread and returns how
    /// many multiply-accumulates that were. Their number over the time they take is the roof of
    /// this CPU for this kernel: no convolution can be faster.
    pub fn bare_products(self, steps: u64) -> u64 {
        (self.bare_products)(steps)
    }

    /// See [`Expand`].
    pub(crate) fn expand(self, conv: &PackedConv, block: usize, panel: &mut [i8]) {
        (self.expand)(conv, block, &mut panel[..conv.panel_len()]);
    }

    /// Checks the lengths that every kernel relies on; see [`ConvBlock`].
    pub(crate) fn conv_block(self, conv: &PackedConv, block: usize, panel: &[i8], sums: &mut [i32], band: Band<'_>) {
        assert_eq!(band.src.len(), (band.rows + 2) * (band.width + 2) * conv.cin, "padded input rows");
        assert_eq!(band.dst.len(), band.rows * (band.width + 2) * conv.cout, "output rows");
        (self.conv_block)(conv, block, &panel[..conv.panel_len()], &mut sums[..SUMS], band);
    }
}
