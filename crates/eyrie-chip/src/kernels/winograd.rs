//! The kernels of Winograd's tiles, written once over the vectors of an instruction set ([`Simd`]):
//! what an instruction set brings is its additions, its byte products and its requantisation, and
//! the algebra is the same functions for all.
//!
//! Tiles are taken in groups of [`Simd::TILES`]. For a group and a block of 32 output channels:
//!
//! ```text
//! panel  [part of CHANNELS channels][place][cin / 4][CHANNELS][4]     transformed weights; places a line longer
//! v      [place][tile][cin]                                           transformed inputs
//! sums   [part][tile row][column][tile][CHANNELS]                     products whose rows are combined
//! ```

use crate::codebook::Codebook;
use crate::pack::{BLOCK, PackedConv};
use crate::padded::Padded;
use crate::winograd::algebra::{
    MOST_COLUMNS, MOST_PATCH_COLUMNS, MOST_TILE_COLUMNS, PATCH_ROWS, ROW_PLACE, TILE_ROWS, Tile, Value,
    input_row_sources, inputs as transform, output_columns, weight_columns, weight_rows,
};

/// Output channels that are requantised together.
pub(super) const LANES: usize = 16;

/// What is left free behind each place of a panel, so that places do not all fall into one set of a
/// cache.
const SKEW: usize = 64;

/// Bytes of an expanded block for tiles of a shape, whatever the instruction set.
pub(crate) const fn panel_len(cin: usize, tile: Tile) -> usize {
    tile.places() * (cin * BLOCK + BLOCK / LANES * SKEW)
}

/// The most tiles of a group, over all instruction sets.
pub(crate) const MOST_TILES: usize = 7;

/// Integers of scratch for the sums of a group and a block.
pub(crate) const SUMS: usize = TILE_ROWS * MOST_COLUMNS * MOST_TILES * BLOCK;

/// One tile of outputs.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Place {
    /// Which map of the batch.
    pub(crate) map: usize,
    /// Where its patch begins in the padded map, in rows and columns.
    pub(crate) y: usize,
    pub(crate) x: usize,
    /// Rows and columns that exist, before any pooling.
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    /// Where its outputs begin in the band of outputs, in bytes.
    pub(crate) dst: usize,
}

/// A piece of work on tiles of one shape.
#[derive(Debug)]
pub(crate) enum Work<'a> {
    /// Expands and transforms the codes of a block to its `panel`.
    Expand { conv: &'a PackedConv, block: usize, panel: &'a mut [i8] },
    /// Transforms the patches of the tiles of a group in the padded maps of `shape` to `v`.
    Inputs { src: &'a [u8], shape: Padded, tiles: &'a [Place], v: &'a mut [u8] },
    /// The sums of a whole group for a block. What `v` holds for tiles that are none does no harm.
    Products { conv: &'a PackedConv, block: usize, v: &'a [u8], panel: &'a [i8], sums: &'a mut [i32] },
    /// Turns sums into activations of the block's channels, or where `pooled` into their maxima
    /// over 2x2; `row_len` is that of the padded rows of `dst`.
    Outputs {
        conv: &'a PackedConv,
        block: usize,
        sums: &'a [i32],
        tiles: &'a [Place],
        pooled: bool,
        dst: &'a mut [u8],
        row_len: usize,
    },
}

impl Work<'_> {
    /// Does it; inlined where the instructions of `S` are enabled.
    #[inline(always)]
    pub(super) fn run<S: Simd, const WIDE: bool>(self) {
        match self {
            Work::Expand { conv, block, panel } => expand::<S, WIDE>(conv, block, panel),
            Work::Inputs { src, shape, tiles, v } => inputs::<S, WIDE>(src, shape, tiles, v),
            Work::Products { conv, block, v, panel, sums } => products::<S, WIDE>(conv, block, v, panel, sums),
            Work::Outputs { conv, block, sums, tiles, pooled, dst, row_len } => {
                outputs::<S, WIDE>(conv, block, sums, tiles, pooled, dst, row_len);
            }
        }
    }
}

/// Does work on tiles of one shape with one set of instructions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Winograd {
    /// Tiles of a group, at most [`MOST_TILES`].
    pub(crate) tiles: usize,
    /// Does it.
    pub(crate) run: fn(Work<'_>),
}

/// The vectors of an instruction set. The functions do what their names say on a CPU that has it,
/// and must be called on no other.
pub(super) trait Simd {
    /// Bytes; additions and subtractions wrap around.
    type Bytes: Value;
    /// [`LANES`] 32-bit integers; additions and subtractions wrap around.
    type Sums: Value;
    /// Sums of [`Self::TILES`] tiles by [`Self::CHANNELS`] channels.
    type Products: Copy;
    /// The constants of a requantisation of [`LANES`] channels.
    type Epilogue;

    /// How many `Bytes` are; a divisor of 64.
    const WIDTH: usize;
    /// Tiles of a group.
    const TILES: usize;
    /// Channels of a part: [`LANES`] or [`BLOCK`].
    const CHANNELS: usize;
    /// Whether products are added in 16 bits, in runs that fit.
    const IN_RUNS: bool = false;

    fn splat(byte: u8) -> Self::Bytes;
    /// The first bytes of a slice, which must be long enough.
    fn load(bytes: &[u8]) -> Self::Bytes;
    /// To the first bytes of a slice, which must be long enough.
    fn store(value: Self::Bytes, bytes: &mut [u8]);
    /// As signed bytes.
    fn store_levels(value: Self::Bytes, levels: &mut [i8]);
    /// The levels of `WIDTH / 4` packed bytes.
    fn levels(codebook: Codebook, codes: &[u8]) -> Self::Bytes;

    fn zero() -> Self::Products;
    /// Adds the products of `cin` inputs of each tile, `[tile][cin]`, with `[cin / 4][channel][4]`
    /// weights. `run` groups of four inputs fit 16 bits one after the other; see [`Self::IN_RUNS`].
    fn add_products(sums: Self::Products, v: &[u8], weights: &[i8], cin: usize, run: usize) -> Self::Products;
    /// Writes sums as `[tile][channel]`.
    fn put(sums: Self::Products, to: &mut [i32]);
    /// Adds sums to `[tile][channel]`.
    fn put_sum(sums: Self::Products, to: &mut [i32]);
    /// Subtracts sums from `[tile][channel]`.
    fn put_difference(sums: Self::Products, to: &mut [i32]);

    fn load_sums(sums: &[i32]) -> Self::Sums;
    fn max(a: Self::Sums, b: Self::Sums) -> Self::Sums;
    /// Shifted to the right by 2, or by 3 for wide tiles.
    fn shift<const WIDE: bool>(sums: Self::Sums) -> Self::Sums;
    fn epilogue(conv: &PackedConv, channel: usize) -> Self::Epilogue;
    /// [`requantise`](crate::arith::requantise).
    fn activate(epilogue: &Self::Epilogue, sums: Self::Sums, to: &mut [u8]);
}

/// Bytes from one place of a part's panel to the next.
const fn place_len(cin: usize, channels: usize) -> usize {
    cin * channels + SKEW
}

// No closures over vectors below: one would be compiled without the instructions of the kernel it
// is inlined into.

#[inline(always)]
fn expand<S: Simd, const WIDE: bool>(conv: &PackedConv, block: usize, panel: &mut [i8]) {
    let tile = Tile::of(WIDE);
    let (groups, step) = (conv.cin / 4, S::WIDTH / 4);
    let place_len = place_len(conv.cin, S::CHANNELS);
    for group in 0..groups {
        for first in (0..BLOCK).step_by(step) {
            let codes = &conv.block_codes(block)[group * BLOCK + first..];
            let rows = [
                weight_row::<S, WIDE>(conv, codes, 0),
                weight_row::<S, WIDE>(conv, codes, 3),
                weight_row::<S, WIDE>(conv, codes, 6),
            ];
            let (part, within) = (first / S::CHANNELS, first % S::CHANNELS);
            let panel = &mut panel[part * tile.places() * place_len + (group * S::CHANNELS + within) * 4..];
            let columns = rows[0].iter().zip(&rows[1]).zip(&rows[2]);
            for (column, ((&a, &b), &c)) in columns.enumerate().take(tile.columns()) {
                let weights = weight_rows([a, b, c]);
                for row in 0..PATCH_ROWS {
                    let place = PATCH_ROWS * column + ROW_PLACE[row];
                    S::store_levels(weights[row], &mut panel[place * place_len..]);
                }
            }
        }
    }
}

/// The transform across the row of windows that begins with tap `first`.
#[inline(always)]
fn weight_row<S: Simd, const WIDE: bool>(conv: &PackedConv, codes: &[u8], first: usize) -> [S::Bytes; MOST_COLUMNS] {
    let (tap, step) = (conv.cin / 4 * BLOCK, S::WIDTH / 4);
    weight_columns::<WIDE, _>([
        S::levels(conv.codebook, &codes[first * tap..][..step]),
        S::levels(conv.codebook, &codes[(first + 1) * tap..][..step]),
        S::levels(conv.codebook, &codes[(first + 2) * tap..][..step]),
    ])
}

#[inline(always)]
fn inputs<S: Simd, const WIDE: bool>(src: &[u8], shape: Padded, tiles: &[Place], v: &mut [u8]) {
    let tile = Tile::of(WIDE);
    let cin = shape.channels;
    let v = &mut v[..tile.places() * S::TILES * cin];
    for (number, place) in tiles.iter().enumerate() {
        // A patch over the edge takes what lies on the edge again: no output that is kept depends
        // on it.
        let map = &src[place.map * shape.len()..][..shape.len()];
        let rows: [_; PATCH_ROWS] = std::array::from_fn(|row| {
            &map[(place.y + row).min(shape.height + 1) * shape.row_len()..][..shape.row_len()]
        });
        let columns: [_; MOST_PATCH_COLUMNS] =
            std::array::from_fn(|column| (place.x + column).min(shape.width + 1) * cin);
        for channel in (0..cin).step_by(S::WIDTH) {
            let v = &mut v[number * cin + channel..];
            input_row::<S, WIDE, 0>(&rows, &columns, channel, v, cin);
            input_row::<S, WIDE, 1>(&rows, &columns, channel, v, cin);
            input_row::<S, WIDE, 2>(&rows, &columns, channel, v, cin);
            input_row::<S, WIDE, 3>(&rows, &columns, channel, v, cin);
        }
    }
}

/// Transforms the channels from `channel` on to one row of places, behind their offsets.
#[inline(always)]
fn input_row<S: Simd, const WIDE: bool, const ROW: usize>(
    rows: &[&[u8]; PATCH_ROWS],
    columns: &[usize; MOST_PATCH_COLUMNS],
    channel: usize,
    v: &mut [u8],
    cin: usize,
) {
    let tile = Tile::of(WIDE);
    let [a, b] = input_row_sources(ROW);
    let (a, b) = (patch_row::<S, WIDE>(rows[a], columns, channel), patch_row::<S, WIDE>(rows[b], columns, channel));
    let row = transform::<WIDE, ROW, _>(a, b);
    for (column, &value) in row.iter().enumerate().take(tile.columns()) {
        let place = PATCH_ROWS * column + ROW_PLACE[ROW];
        // Modulo 256.
        let offset = tile.offset(place) as u8;
        let value = if offset == 0 { value } else { value + S::splat(offset) };
        S::store(value, &mut v[place * S::TILES * cin..]);
    }
}

/// A row of a patch; a narrow one has four columns.
#[inline(always)]
fn patch_row<S: Simd, const WIDE: bool>(
    row: &[u8],
    columns: &[usize; MOST_PATCH_COLUMNS],
    channel: usize,
) -> [S::Bytes; MOST_PATCH_COLUMNS] {
    let first = S::load(&row[columns[0] + channel..]);
    let mut patch = [first; MOST_PATCH_COLUMNS];
    for column in 1..Tile::of(WIDE).width() + 2 {
        patch[column] = S::load(&row[columns[column] + channel..]);
    }
    patch
}

#[inline(always)]
fn products<S: Simd, const WIDE: bool>(conv: &PackedConv, block: usize, v: &[u8], panel: &[i8], sums: &mut [i32]) {
    let tile = Tile::of(WIDE);
    let area = S::TILES * S::CHANNELS;
    let (part_len, panel_len) = (TILE_ROWS * tile.columns() * area, tile.places() * place_len(conv.cin, S::CHANNELS));
    for part in 0..BLOCK / S::CHANNELS {
        let panel = &panel[part * panel_len..][..panel_len];
        let (upper, lower) = sums[part * part_len..][..part_len].split_at_mut(part_len / TILE_ROWS);
        for column in 0..tile.columns() {
            let (upper, lower) = (&mut upper[column * area..][..area], &mut lower[column * area..][..area]);
            // Rows in the order of `ROW_PLACE`: 1, 0, 2, 3.
            let place = PATCH_ROWS * column;
            let second = add_place::<S>(S::zero(), conv, block, part, place, v, panel);
            S::put(second, lower);
            S::put(add_place::<S>(second, conv, block, part, place + 1, v, panel), upper);
            let third = add_place::<S>(S::zero(), conv, block, part, place + 2, v, panel);
            S::put_sum(third, upper);
            S::put_difference(add_place::<S>(third, conv, block, part, place + 3, v, panel), lower);
        }
    }
}

/// Adds the products of a place.
#[inline(always)]
fn add_place<S: Simd>(
    sums: S::Products,
    conv: &PackedConv,
    block: usize,
    part: usize,
    place: usize,
    v: &[u8],
    panel: &[i8],
) -> S::Products {
    let (inputs, weights) = (S::TILES * conv.cin, conv.cin * S::CHANNELS);
    let v = &v[place * inputs..][..inputs];
    let weights = &panel[place * place_len(conv.cin, S::CHANNELS)..][..weights];
    let run = if S::IN_RUNS { run(conv, block, part, place) } else { conv.cin / 4 };
    S::add_products(sums, v, weights, conv.cin, run)
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn run(conv: &PackedConv, block: usize, part: usize, place: usize) -> usize {
    conv.run(block, part, place)
}

/// No instruction set of other architectures adds in 16 bits.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn run(conv: &PackedConv, _: usize, _: usize, _: usize) -> usize {
    conv.cin / 4
}

#[inline(always)]
fn outputs<S: Simd, const WIDE: bool>(
    conv: &PackedConv,
    block: usize,
    sums: &[i32],
    tiles: &[Place],
    pooled: bool,
    dst: &mut [u8],
    row_len: usize,
) {
    let (tile, cout) = (Tile::of(WIDE), conv.cout);
    let corrections = conv.corrections(tile).unwrap_or_default();
    let part_len = TILE_ROWS * tile.columns() * S::TILES * S::CHANNELS;
    for first in (0..BLOCK).step_by(LANES) {
        let channel = block * BLOCK + first;
        let epilogue = S::epilogue(conv, channel);
        let corrections = &corrections[channel..];
        let sums = &sums[first / S::CHANNELS * part_len..][..part_len];
        for (number, place) in tiles.iter().enumerate() {
            let at = number * S::CHANNELS + first % S::CHANNELS;
            let rows = [
                output_row::<S, WIDE>(&sums[at..], corrections, cout),
                output_row::<S, WIDE>(&sums[part_len / TILE_ROWS + at..], &corrections[tile.width() * cout..], cout),
            ];
            let dst = &mut dst[place.dst + channel..];
            if pooled {
                // Requantisation never falls when a sum rises: the largest sum gives the largest
                // activation.
                for x in (0..place.columns.min(tile.width())).step_by(2) {
                    let [upper, lower] = [S::max(rows[0][x], rows[0][x + 1]), S::max(rows[1][x], rows[1][x + 1])];
                    S::activate(&epilogue, S::shift::<WIDE>(S::max(upper, lower)), &mut dst[x / 2 * cout..]);
                }
            } else if place.rows == TILE_ROWS && place.columns == tile.width() {
                for x in 0..tile.width() {
                    S::activate(&epilogue, S::shift::<WIDE>(rows[0][x]), &mut dst[x * cout..]);
                    S::activate(&epilogue, S::shift::<WIDE>(rows[1][x]), &mut dst[row_len + x * cout..]);
                }
            } else {
                for (y, row) in rows.iter().enumerate().take(place.rows) {
                    for (x, sums) in row.iter().enumerate().take(place.columns) {
                        S::activate(&epilogue, S::shift::<WIDE>(*sums), &mut dst[y * row_len + x * cout..]);
                    }
                }
            }
        }
    }
}

/// A row of a tile for some channels, before it is shifted; `sums` begins with those of its first
/// column.
#[inline(always)]
fn output_row<S: Simd, const WIDE: bool>(
    sums: &[i32],
    corrections: &[i32],
    cout: usize,
) -> [S::Sums; MOST_TILE_COLUMNS] {
    let tile = Tile::of(WIDE);
    let mut m = [S::load_sums(sums); MOST_COLUMNS];
    for column in 1..tile.columns() {
        m[column] = S::load_sums(&sums[column * S::TILES * S::CHANNELS..]);
    }
    let mut y = output_columns::<WIDE, _>(m);
    for x in 0..tile.width() {
        y[x] = y[x] + S::load_sums(&corrections[x * cout..]);
    }
    y
}
