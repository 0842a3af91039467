//! Whether the scans of a JPEG hold the data of all their blocks, and these data.
//!
//! Decoders fill up what is missing and say nothing: a file that was cut and closed with an end
//! marker, or whose tail was overwritten with zeros, comes back as half a picture above a flat
//! field. So the Huffman codes are read once, by the procedures of ITU-T T.81, F.2 and G.2; the
//! coefficients are kept only for [`super::interleave`].

use std::ops::{ControlFlow, Range};

use super::super::error::PictureError;
use super::super::reading::damaged;
use super::file::{File, Frame, Scan};
use super::huffman::{Bits, EMPTY, Stop, Table, Tables};

/// More scans than any encoder writes; each costs time for the whole picture.
const SCANS_MAX: usize = 100;
/// So many zero bytes on both sides of the end of a scan's last block are no accident: the tail was
/// overwritten.
const ZEROS: usize = 16;
/// Checks all scans.
///
/// # Errors
/// [`PictureError::Truncated`] where data are missing, [`PictureError::Corrupt`] where they make no
/// sense.
pub(super) fn check(file: &File<'_>) -> Result<(), PictureError> {
    read::<false>(file).map(drop)
}

/// The same, and the coefficients of all blocks of each component.
///
/// # Errors
/// Those of [`check`].
pub(super) fn coefficients(file: &File<'_>) -> Result<Vec<Grid>, PictureError> {
    read::<true>(file)
}

fn read<const KEEP: bool>(file: &File<'_>) -> Result<Vec<Grid>, PictureError> {
    if file.scans.len() > SCANS_MAX {
        return Err(damaged("it has more than 100 scans"));
    }
    let frame = &file.frame;
    let mut tables = Tables::default();
    let mut payloads = file.huffman.iter();
    let mut loaded = 0;
    let mut grids: Vec<Grid> = (0..frame.components.len()).map(|index| Grid::new(frame, index, KEEP)).collect();
    for scan in &file.scans {
        for payload in payloads.by_ref().take(scan.tables - loaded) {
            tables.load(payload)?;
        }
        loaded = scan.tables;
        read_scan::<KEEP>(file.bytes, frame, scan, &tables, &mut grids)?;
        for &(index, ..) in &scan.components {
            let known = &mut grids[index].known[usize::from(scan.spectrum.start)..usize::from(scan.spectrum.end)];
            known.fill(Some(scan.low));
        }
    }
    let whole = grids.iter().all(|grid| grid.known.iter().all(|known| *known == Some(0)));
    if whole { Ok(grids) } else { Err(PictureError::Truncated) }
}

/// The blocks of a component.
pub(super) struct Grid {
    /// Blocks across, with those that fill up the last unit of an interleaved scan.
    pub(super) stride: usize,
    /// Blocks across and down that show pixels.
    pub(super) across: usize,
    pub(super) down: usize,
    /// Blocks across and down in a unit of an interleaved scan.
    pub(super) h: usize,
    pub(super) v: usize,
    /// Which coefficients of each block are not zero, one bit each; of progressive files alone.
    nonzero: Vec<u64>,
    /// The coefficients of each block in zigzag order, where they are kept.
    pub(super) coefficients: Vec<[i16; 64]>,
    /// To which bit each coefficient is known.
    known: [Option<u8>; 64],
}

impl Grid {
    fn new(frame: &Frame, index: usize, keep: bool) -> Self {
        let (most_h, most_v) = frame.most();
        let component = frame.components[index];
        // A component alone is never interleaved: its factors mean nothing.
        let (h, v) = if frame.components.len() == 1 { (1, 1) } else { (component.h.into(), component.v.into()) };
        let (most_h, most_v) =
            if frame.components.len() == 1 { (1, 1) } else { (usize::from(most_h), usize::from(most_v)) };
        let (units_x, units_y) = units(frame);
        let stride = units_x * h;
        let blocks = stride * units_y * v;
        Self {
            stride,
            across: (usize::from(frame.width) * h).div_ceil(most_h * 8),
            down: (usize::from(frame.height) * v).div_ceil(most_v * 8),
            h,
            v,
            nonzero: vec![0; if frame.progressive { blocks } else { 0 }],
            coefficients: vec![[0; 64]; if keep { blocks } else { 0 }],
            known: [None; 64],
        }
    }
}

/// Units across and down of an interleaved scan.
pub(super) fn units(frame: &Frame) -> (usize, usize) {
    let (h, v) = if frame.components.len() == 1 { (1, 1) } else { frame.most() };
    let count = |side: u16, factor: u8| usize::from(side).div_ceil(usize::from(factor) * 8);
    (count(frame.width, h), count(frame.height, v))
}

fn read_scan<const KEEP: bool>(
    bytes: &[u8],
    frame: &Frame,
    scan: &Scan,
    tables: &Tables,
    grids: &mut [Grid],
) -> Result<(), PictureError> {
    let coded = &bytes[scan.data.clone()];
    let mut bits = Bits::new(coded);
    let mut coder = Coder::new(scan, tables)?;
    let (across, down) = match scan.components.as_slice() {
        [(index, ..)] => (grids[*index].across, grids[*index].down),
        _ => units(frame),
    };
    let total = across * down;
    let interval = match scan.restart_interval {
        0 => total,
        interval => usize::from(interval),
    };
    for unit in 0..total {
        if unit > 0 && unit.is_multiple_of(interval) {
            bits.restart().ok_or(PictureError::Truncated)?;
            coder.end_of_band = 0;
            coder.previous = [0; 4];
        }
        let (x, y) = (unit % across, unit / across);
        match coder.unit::<KEEP>(&mut bits, scan, grids, x, y) {
            ControlFlow::Continue(()) => {}
            ControlFlow::Break(Stop::Short) => return Err(PictureError::Truncated),
            ControlFlow::Break(Stop::NoCode) => return Err(damaged("its data hold a code that does not exist")),
        }
    }
    if ends_in_overwritten_zeros(coded, bits.position()) { Err(PictureError::Truncated) } else { Ok(()) }
}

/// Whether zeros lie on both sides of `end`, where the last block ends, up to the end of the data.
fn ends_in_overwritten_zeros(coded: &[u8], end: usize) -> bool {
    let from = end.saturating_sub(ZEROS);
    coded.len() >= end + ZEROS && coded[from..].iter().all(|&byte| byte == 0)
}

/// Reads the codes of a scan's units.
struct Coder<'a> {
    /// DC and AC table of each of the scan's components; those that it does not use are empty.
    tables: Vec<(&'a Table, &'a Table)>,
    /// Blocks that the current end-of-band run still covers.
    end_of_band: u32,
    /// The last DC coefficient of each of the scan's components.
    previous: [i16; 4],
}

impl<'a> Coder<'a> {
    fn new(scan: &Scan, tables: &'a Tables) -> Result<Self, PictureError> {
        let missing = || damaged("a Huffman table is missing");
        let has_dc = scan.spectrum.start == 0 && scan.high == 0;
        let has_ac = scan.spectrum.end > 1;
        let find = |of: &'a [Option<Table>; 4], number: u8, needed: bool| match &of[usize::from(number)] {
            Some(table) => Ok(table),
            None if needed => Err(missing()),
            None => Ok(&EMPTY),
        };
        let tables = scan
            .components
            .iter()
            .map(|&(_, dc, ac)| Ok((find(&tables.dc, dc, has_dc)?, find(&tables.ac, ac, has_ac)?)))
            .collect::<Result<_, PictureError>>()?;
        Ok(Self { tables, end_of_band: 0, previous: [0; 4] })
    }

    /// The blocks of one unit: one block where the scan has one component, else as many of each as
    /// its factors say.
    fn unit<const KEEP: bool>(
        &mut self,
        bits: &mut Bits<'_>,
        scan: &Scan,
        grids: &mut [Grid],
        x: usize,
        y: usize,
    ) -> ControlFlow<Stop> {
        if let [(index, ..)] = scan.components.as_slice() {
            let grid = &mut grids[*index];
            let place = y * grid.stride + x;
            return self.block::<KEEP>(bits, scan, 0, grid, place);
        }
        for (component, &(index, ..)) in scan.components.iter().enumerate() {
            let grid = &mut grids[index];
            for block in 0..grid.h * grid.v {
                let place = (y * grid.v + block / grid.h) * grid.stride + x * grid.h + block % grid.h;
                self.block::<KEEP>(bits, scan, component, grid, place)?;
            }
        }
        ControlFlow::Continue(())
    }

    fn block<const KEEP: bool>(
        &mut self,
        bits: &mut Bits<'_>,
        scan: &Scan,
        component: usize,
        grid: &mut Grid,
        place: usize,
    ) -> ControlFlow<Stop> {
        let (dc, ac) = self.tables[component];
        let (mut nothing, mut nowhere) = (0, [0; 64]);
        // Only progressive files have these.
        let nonzero = grid.nonzero.get_mut(place).unwrap_or(&mut nothing);
        let kept = if KEEP { grid.coefficients.get_mut(place).unwrap_or(&mut nowhere) } else { &mut nowhere };
        let mut place = u32::from(scan.spectrum.start);
        let end = u32::from(scan.spectrum.end);
        if place == 0 {
            if scan.high > 0 {
                kept[0] |= (bits.take(1)? << scan.low) as i16;
                return ControlFlow::Continue(());
            }
            let size = u32::from(bits.code(dc)? & 15);
            if KEEP {
                let previous = &mut self.previous[component];
                *previous = previous.wrapping_add(extended(bits.take(size)?, size));
                kept[0] = *previous << scan.low;
            } else {
                bits.skip(size)?;
            }
            place = 1;
        }
        if end == 1 {
            return ControlFlow::Continue(());
        }
        if scan.high > 0 {
            return self.refine::<KEEP>(bits, ac, place..end, nonzero, kept, 1 << scan.low);
        }
        if self.end_of_band > 0 {
            self.end_of_band -= 1;
            return ControlFlow::Continue(());
        }
        while place < end {
            let symbol = bits.code(ac)?;
            let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
            if size > 0 {
                place += run;
                if KEEP {
                    let value = extended(bits.take(size)?, size) << scan.low;
                    if let Some(kept) = kept.get_mut(place as usize) {
                        *kept = value;
                    }
                } else {
                    bits.skip(size)?;
                }
                *nonzero |= 1_u64.checked_shl(place).unwrap_or(0);
                place += 1;
            } else if run == 15 {
                place += 16;
            } else {
                // Bands of several blocks are there in progressive files alone.
                if scan.spectrum.start > 0 {
                    self.end_of_band = (1 << run) - 1 + bits.take(run)?;
                }
                break;
            }
        }
        ControlFlow::Continue(())
    }

    /// A refinement of AC coefficients by the bit `one` (G.1.2.3): each one that is known not to be
    /// zero takes a bit.
    fn refine<const KEEP: bool>(
        &mut self,
        bits: &mut Bits<'_>,
        ac: &Table,
        band: Range<u32>,
        nonzero: &mut u64,
        kept: &mut [i16; 64],
        one: i16,
    ) -> ControlFlow<Stop> {
        let known = *nonzero;
        let mut place = band.start;
        if self.end_of_band == 0 {
            while place < band.end {
                let symbol = bits.code(ac)?;
                let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
                if size == 0 && run < 15 {
                    // The run includes this block.
                    self.end_of_band = (1 << run) + bits.take(run)?;
                    break;
                }
                let value = if size == 0 {
                    0
                } else if bits.take(1)? == 1 {
                    one
                } else {
                    -one
                };
                // Over as many zeros as the run says, and over what is not zero between them.
                let (start, mut zeros) = (place, run);
                while place < band.end && (known >> place & 1 == 1 || zeros > 0) {
                    zeros -= u32::from(known >> place & 1 == 0);
                    place += 1;
                }
                correct::<KEEP>(bits, known, start..place, kept, one)?;
                if size > 0 && place < band.end {
                    *nonzero |= 1 << place;
                    kept[place as usize] = value;
                }
                place += 1;
            }
        }
        if self.end_of_band > 0 {
            self.end_of_band -= 1;
            if place < band.end {
                correct::<KEEP>(bits, known, place..band.end, kept, one)?;
            }
        }
        ControlFlow::Continue(())
    }
}

/// One bit for each coefficient of `places` that is known not to be zero: whether it is farther
/// from zero by `one`.
fn correct<const KEEP: bool>(
    bits: &mut Bits<'_>,
    known: u64,
    places: Range<u32>,
    kept: &mut [i16; 64],
    one: i16,
) -> ControlFlow<Stop> {
    if !KEEP {
        let above = known.checked_shr(places.start).unwrap_or(0);
        let mask = 1_u64.checked_shl(places.end - places.start).map_or(u64::MAX, |bit| bit - 1);
        return bits.skip((above & mask).count_ones());
    }
    for place in places.filter(|place| known >> place & 1 == 1) {
        if bits.take(1)? == 1 {
            let kept = &mut kept[place as usize];
            *kept = kept.wrapping_add(one * kept.signum());
        }
    }
    ControlFlow::Continue(())
}

/// What the bits behind a code of `size` say (F.2.2.1): the upper half is positive.
fn extended(bits: u32, size: u32) -> i16 {
    let value = bits as i32;
    let is_negative = size > 0 && value < 1 << (size - 1);
    (if is_negative { value - (1 << size) + 1 } else { value }) as i16
}
