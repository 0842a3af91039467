//! A layer as the kernels want it: 2-bit codes by blocks of 32 output channels, and the constants
//! of the epilogue.
//!
//! Inputs are taken in groups of four, the width of one dot-product lane. Within a block the packed
//! codes lie
//!
//! ```text
//! [tap = ky * 3 + kx][cin / 4][32 output channels]      one byte = four codes = the four inputs of a group
//! ```
//!
//! and a block expands, byte by byte, to a panel of levels (the scalar kernel has an order of its
//! own)
//!
//! ```text
//! [tap][cin / 4][32 output channels][4]                 i8
//! ```
//!
//! of 9 * cin * 32 bytes (147 KB for 512 input channels), which stays in the second-level cache
//! while all pixels of a band pass over it. Because `(kx, cin)` are neighbours both in a padded
//! channels-last image and in the panel, the three taps of one `ky` are one run of `3 * cin` bytes:
//! a window is three runs.

use crate::arith;
pub(crate) use crate::codebook::BLOCK;
use crate::codebook::Codebook;
use crate::params::SoundConv;
use crate::winograd::algebra::Tile;
use crate::winograd::proof;
#[cfg(target_arch = "x86_64")]
use crate::winograd::runs;

/// A layer, packed.
#[derive(Debug, Clone)]
pub(crate) struct PackedConv {
    /// Input channels, rounded up to a multiple of four: the image's three become four, the fourth
    /// always zero.
    pub(crate) cin: usize,
    /// Output channels.
    pub(crate) cout: usize,
    /// The levels.
    pub(crate) codebook: Codebook,
    /// Largest input, 31 or 255.
    pub(crate) input_max: u8,
    /// Packed codes, block after block.
    pub(crate) codes: Vec<u8>,
    /// Multiplier of each output channel.
    pub(crate) multiplier: Vec<i32>,
    /// Bias of each output channel.
    pub(crate) bias: Vec<i32>,
    /// The rounding right shift.
    pub(crate) shift: u32,
    /// See [`proof::corrections`]; by narrow and wide tiles, where they are proven exact.
    corrections: [Option<Vec<i32>>; 2],
    /// See [`runs::runs`]; empty where narrow tiles are not proven exact.
    #[cfg(target_arch = "x86_64")]
    runs: Vec<u16>,
}

impl PackedConv {
    /// Packs.
    pub(crate) fn new(params: &SoundConv) -> Self {
        let cin = params.cin.next_multiple_of(4);
        let groups = cin / 4;
        let mut codes = vec![0u8; params.cout * 9 * groups];
        for (channel, window) in params.codes.chunks_exact(9 * params.cin).enumerate() {
            let (block, lane) = (channel / BLOCK, channel % BLOCK);
            for (tap, inputs) in window.chunks_exact(params.cin).enumerate() {
                for (group, four) in inputs.chunks(4).enumerate() {
                    let byte = four.iter().rev().fold(0, |byte, &code| byte << 2 | code);
                    codes[((block * 9 + tap) * groups + group) * BLOCK + lane] = byte;
                }
            }
        }
        #[cfg_attr(not(target_arch = "x86_64"), expect(unused_mut, reason = "runs are of x86-64 alone"))]
        let mut packed = Self {
            cin,
            cout: params.cout,
            codebook: Codebook(params.codebook),
            input_max: params.input_max(),
            codes,
            multiplier: params.multiplier.iter().map(|&m| i32::from(m)).collect(),
            bias: params.bias.clone(),
            shift: params.shift,
            corrections: proof::corrections(params),
            #[cfg(target_arch = "x86_64")]
            runs: Vec::new(),
        };
        #[cfg(target_arch = "x86_64")]
        if packed.corrections(Tile::Narrow).is_some() {
            packed.runs = runs::runs(packed.blocks(), cin / 4, |block, tap, group, input| {
                packed.group_levels(block, tap, group, input)
            });
        }
        packed
    }

    /// What tiles of a shape add to the sums before these are shifted; `None` where they are not
    /// proven exact. See [`proof::corrections`].
    pub(crate) fn corrections(&self, tile: Tile) -> Option<&[i32]> {
        self.corrections[tile as usize].as_deref()
    }

    /// How many sums of two products of a place fit 16 bits one after the other, for one half of a
    /// block and narrow tiles that are proven exact.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn run(&self, block: usize, half: usize, place: usize) -> usize {
        usize::from(self.runs[(2 * block + half) * Tile::Narrow.places() + place])
    }

    /// Bytes of the codes and of what is kept beside them.
    pub(crate) fn bytes(&self) -> usize {
        let corrections: usize =
            self.corrections.iter().flatten().map(|corrections| size_of_val(&corrections[..])).sum();
        #[cfg(target_arch = "x86_64")]
        let runs = size_of_val(self.runs.as_slice());
        #[cfg(not(target_arch = "x86_64"))]
        let runs = 0;
        self.codes.len() + 8 * self.cout + corrections + runs
    }

    /// Levels of a block's output channels for one tap and one of the four inputs of a group.
    #[cfg(target_arch = "x86_64")]
    fn group_levels(&self, block: usize, tap: usize, group: usize, input: usize) -> [i16; BLOCK] {
        let codes = &self.block_codes(block)[(tap * self.cin / 4 + group) * BLOCK..][..BLOCK];
        std::array::from_fn(|channel| i16::from(self.codebook.0[usize::from(codes[channel] >> (2 * input) & 3)]))
    }

    /// Blocks of output channels.
    pub(crate) fn blocks(&self) -> usize {
        self.cout / BLOCK
    }

    /// The packed codes of one block.
    pub(crate) fn block_codes(&self, block: usize) -> &[u8] {
        let len = 9 * self.cin / 4 * BLOCK;
        &self.codes[block * len..][..len]
    }

    /// Bytes of an expanded block.
    pub(crate) fn panel_len(&self) -> usize {
        9 * self.cin * BLOCK
    }

    /// Bytes of all blocks, expanded.
    pub(crate) fn levels(&self) -> usize {
        9 * self.cin * self.cout
    }

    /// The sum of a window turned into the activation of an output channel.
    #[inline]
    pub(crate) fn requantise(&self, acc: i32, channel: usize) -> u8 {
        arith::requantise(acc, self.multiplier[channel], self.bias[channel], self.shift)
    }
}
