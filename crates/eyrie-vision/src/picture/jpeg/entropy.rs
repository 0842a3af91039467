//! Whether the scans of a JPEG hold the data of all their blocks.
//!
//! Decoders fill up what is missing and say nothing: a file that was cut and closed with an end
//! marker, or whose tail was overwritten with zeros, comes back as half a picture above a flat
//! field. So the Huffman codes are read once, without making coefficients of them, by the
//! procedures of ITU-T T.81, F.2 and G.2.

use std::ops::ControlFlow;

use super::super::error::PictureError;
use super::super::reading::damaged;
use super::file::{File, Frame, Scan};

/// More scans than any encoder writes; each costs time for the whole picture.
const SCANS_MAX: usize = 100;
/// So many zero bytes on both sides of the end of a scan's last block are no accident: the tail was
/// overwritten.
const ZEROS: usize = 16;
/// Bits that the first table of a Huffman code resolves.
const FAST_BITS: u32 = 9;

/// Checks all scans.
///
/// # Errors
/// [`PictureError::Truncated`] where data are missing, [`PictureError::Corrupt`] where they make no
/// sense.
pub(super) fn check(file: &File<'_>) -> Result<(), PictureError> {
    if file.scans.len() > SCANS_MAX {
        return Err(damaged("it has more than 100 scans"));
    }
    let frame = &file.frame;
    let mut tables = Tables::default();
    let mut payloads = file.huffman.iter();
    let mut loaded = 0;
    let mut grids: Vec<Grid> = (0..frame.components.len()).map(|index| Grid::new(frame, index)).collect();
    for scan in &file.scans {
        for payload in payloads.by_ref().take(scan.tables - loaded) {
            tables.load(payload)?;
        }
        loaded = scan.tables;
        check_scan(file.bytes, frame, scan, &tables, &mut grids)?;
        for &(index, ..) in &scan.components {
            let known = &mut grids[index].known[usize::from(scan.spectrum.start)..usize::from(scan.spectrum.end)];
            known.fill(Some(scan.low));
        }
    }
    let whole = grids.iter().all(|grid| grid.known.iter().all(|known| *known == Some(0)));
    if whole { Ok(()) } else { Err(PictureError::Truncated) }
}

/// The blocks of a component.
struct Grid {
    /// Blocks across, with those that fill up the last unit of an interleaved scan.
    stride: usize,
    /// Blocks across and down that show pixels.
    across: usize,
    down: usize,
    h: usize,
    v: usize,
    /// Which coefficients of each block are not zero, one bit each; of progressive files alone.
    nonzero: Vec<u64>,
    /// To which bit each coefficient is known.
    known: [Option<u8>; 64],
}

impl Grid {
    fn new(frame: &Frame, index: usize) -> Self {
        let (most_h, most_v) = frame.most();
        let component = frame.components[index];
        // A component alone is never interleaved: its factors mean nothing.
        let (h, v) = if frame.components.len() == 1 { (1, 1) } else { (component.h.into(), component.v.into()) };
        let (most_h, most_v) =
            if frame.components.len() == 1 { (1, 1) } else { (usize::from(most_h), usize::from(most_v)) };
        let (units_x, units_y) = units(frame);
        let stride = units_x * h;
        let blocks = if frame.progressive { stride * units_y * v } else { 0 };
        Self {
            stride,
            across: (usize::from(frame.width) * h).div_ceil(most_h * 8),
            down: (usize::from(frame.height) * v).div_ceil(most_v * 8),
            h,
            v,
            nonzero: vec![0; blocks],
            known: [None; 64],
        }
    }
}

/// Units across and down of an interleaved scan.
fn units(frame: &Frame) -> (usize, usize) {
    let (h, v) = if frame.components.len() == 1 { (1, 1) } else { frame.most() };
    let count = |side: u16, factor: u8| usize::from(side).div_ceil(usize::from(factor) * 8);
    (count(frame.width, h), count(frame.height, v))
}

/// Why reading codes ended.
enum Stop {
    /// The data ended.
    Short,
    /// Bits that are no code.
    NoCode,
}

fn check_scan(
    bytes: &[u8],
    frame: &Frame,
    scan: &Scan,
    tables: &Tables,
    grids: &mut [Grid],
) -> Result<(), PictureError> {
    let coded = &bytes[scan.data.clone()];
    let mut bits = Bits { data: coded, at: 0, buffer: 0, count: 0, ended: false };
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
        }
        let (x, y) = (unit % across, unit / across);
        match coder.unit(&mut bits, scan, grids, x, y) {
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
        Ok(Self { tables, end_of_band: 0 })
    }

    /// The blocks of one unit: one block where the scan has one component, else as many of each as
    /// its factors say.
    fn unit(&mut self, bits: &mut Bits<'_>, scan: &Scan, grids: &mut [Grid], x: usize, y: usize) -> ControlFlow<Stop> {
        if let [(index, ..)] = scan.components.as_slice() {
            let grid = &mut grids[*index];
            let place = y * grid.stride + x;
            return self.block(bits, scan, 0, grid.nonzero.get_mut(place));
        }
        for (place, &(index, ..)) in scan.components.iter().enumerate() {
            for _ in 0..grids[index].h * grids[index].v {
                // Only scans of DC coefficients are interleaved in a progressive file: none reads
                // which are not zero.
                self.block(bits, scan, place, None)?;
            }
        }
        ControlFlow::Continue(())
    }

    fn block(
        &mut self,
        bits: &mut Bits<'_>,
        scan: &Scan,
        component: usize,
        nonzero: Option<&mut u64>,
    ) -> ControlFlow<Stop> {
        let (dc, ac) = self.tables[component];
        let mut place = u32::from(scan.spectrum.start);
        let end = u32::from(scan.spectrum.end);
        if place == 0 {
            if scan.high > 0 {
                return bits.skip(1);
            }
            let size = bits.code(dc)?;
            bits.skip(u32::from(size & 15))?;
            place = 1;
        }
        if end == 1 {
            return ControlFlow::Continue(());
        }
        let mut none = 0;
        let nonzero = nonzero.unwrap_or(&mut none);
        if scan.high > 0 {
            return self.refine(bits, ac, place..end, nonzero);
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
                bits.skip(size)?;
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

    /// A refinement of AC coefficients (G.1.2.3): each one that is known not to be zero takes a
    /// bit.
    fn refine(
        &mut self,
        bits: &mut Bits<'_>,
        ac: &Table,
        band: std::ops::Range<u32>,
        nonzero: &mut u64,
    ) -> ControlFlow<Stop> {
        let known = *nonzero;
        let corrections = |from: u32, to: u32| {
            let above = known.checked_shr(from).unwrap_or(0);
            (above & 1_u64.checked_shl(to - from).map_or(u64::MAX, |bit| bit - 1)).count_ones()
        };
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
                if size > 0 {
                    bits.skip(1)?;
                }
                // Over as many zeros as the run says, and over what is not zero between them.
                let (start, mut zeros) = (place, run);
                while place < band.end && (known >> place & 1 == 1 || zeros > 0) {
                    zeros -= u32::from(known >> place & 1 == 0);
                    place += 1;
                }
                bits.skip(corrections(start, place))?;
                if size > 0 && place < band.end {
                    *nonzero |= 1 << place;
                }
                place += 1;
            }
        }
        if self.end_of_band > 0 {
            self.end_of_band -= 1;
            if place < band.end {
                bits.skip(corrections(place, band.end))?;
            }
        }
        ControlFlow::Continue(())
    }
}

/// Bits of entropy-coded data, stuffed zeros left out.
struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    /// The next bits, from the top down.
    buffer: u64,
    count: u32,
    /// Whether a marker or the end of the data was met.
    ended: bool,
}

impl Bits<'_> {
    fn fill(&mut self) {
        while self.count <= 56 && !self.ended {
            let byte = match self.data.get(self.at..) {
                Some([0xff, 0, ..]) => {
                    self.at += 2;
                    0xff
                }
                Some([0xff, ..]) | None | Some([]) => {
                    self.ended = true;
                    return;
                }
                Some([byte, ..]) => {
                    self.at += 1;
                    *byte
                }
            };
            self.buffer |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }

    /// Steps over at most 64 bits.
    fn skip(&mut self, mut bits: u32) -> ControlFlow<Stop> {
        while bits > 0 {
            if self.count < 32 {
                self.fill();
            }
            let now = bits.min(32).min(self.count);
            if now == 0 {
                return ControlFlow::Break(Stop::Short);
            }
            self.buffer <<= now;
            self.count -= now;
            bits -= now;
        }
        ControlFlow::Continue(())
    }

    /// The next bits, at most 16, as a number.
    fn take(&mut self, bits: u32) -> ControlFlow<Stop, u32> {
        if self.count < 32 {
            self.fill();
        }
        let value = if bits == 0 { 0 } else { (self.buffer >> (64 - bits)) as u32 };
        self.skip(bits)?;
        ControlFlow::Continue(value)
    }

    /// The symbol of the next code.
    fn code(&mut self, table: &Table) -> ControlFlow<Stop, u8> {
        if self.count < 32 {
            self.fill();
        }
        let found = table.find((self.buffer >> 48) as u16);
        let Some((symbol, length)) = found else {
            // What was filled up with zeros behind the end is no fault of the data.
            return ControlFlow::Break(if self.count < 16 { Stop::Short } else { Stop::NoCode });
        };
        self.skip(length)?;
        ControlFlow::Continue(symbol)
    }

    /// Goes behind the next restart marker.
    fn restart(&mut self) -> Option<()> {
        let rest = self.data.get(self.at..)?;
        let found = rest.windows(2).position(|pair| pair[0] == 0xff && (0xd0..=0xd7).contains(&pair[1]))?;
        *self = Self { data: self.data, at: self.at + found + 2, buffer: 0, count: 0, ended: false };
        Some(())
    }

    /// The first byte of which no bit was used; bytes that were stuffed count as one.
    fn position(&self) -> usize {
        self.at - (self.count / 8) as usize
    }
}

/// The tables that hold at some place in a file.
#[derive(Default)]
struct Tables {
    dc: [Option<Table>; 4],
    ac: [Option<Table>; 4],
}

impl Tables {
    /// Takes the tables of a DHT segment.
    fn load(&mut self, mut payload: &[u8]) -> Result<(), PictureError> {
        while let Some((&place, rest)) = payload.split_first() {
            let bad = || damaged("a Huffman table makes no sense");
            let (counts, rest) = rest.split_first_chunk::<16>().ok_or_else(bad)?;
            let total = counts.iter().map(|&count| usize::from(count)).sum();
            let (symbols, rest) = rest.split_at_checked(total).ok_or_else(bad)?;
            let of = if place >> 4 == 0 { &mut self.dc } else { &mut self.ac };
            *of.get_mut(usize::from(place & 15)).ok_or_else(bad)? = Some(Table::new(counts, symbols).ok_or_else(bad)?);
            payload = rest;
        }
        Ok(())
    }
}

/// A Huffman code: canonical, of at most 16 bits (T.81, C).
struct Table {
    symbols: Vec<u8>,
    /// By the first bits: symbol and length; length 0 for longer codes.
    fast: Vec<(u8, u8)>,
    /// By length - 1: the first code that is longer, left-aligned in 16 bits, and what leads from a
    /// code to its symbol.
    ends: [(u32, i32); 16],
}

static EMPTY: Table = Table { symbols: Vec::new(), fast: Vec::new(), ends: [(0, 0); 16] };

impl Table {
    /// `None` where the counts make no prefix code.
    fn new(counts: &[u8; 16], symbols: &[u8]) -> Option<Self> {
        let mut fast = vec![(0, 0); 1 << FAST_BITS];
        let mut ends = [(0, 0); 16];
        let (mut code, mut first) = (0_u32, 0_usize);
        for (length, &count) in (1_u32..).zip(counts) {
            let (start, count) = (code, usize::from(count));
            code += count as u32;
            if code > 1 << length {
                return None;
            }
            ends[length as usize - 1] = (code << (16 - length), first as i32 - start as i32);
            if length <= FAST_BITS {
                for (place, &symbol) in symbols[first..first + count].iter().enumerate() {
                    let from = (start as usize + place) << (FAST_BITS - length);
                    fast[from..from + (1 << (FAST_BITS - length))].fill((symbol, length as u8));
                }
            }
            first += count;
            code <<= 1;
        }
        Some(Self { symbols: symbols.to_vec(), fast, ends })
    }

    /// Symbol and length of the code that the bits begin with.
    fn find(&self, bits: u16) -> Option<(u8, u32)> {
        let &(symbol, length) = self.fast.get(usize::from(bits >> (16 - FAST_BITS)))?;
        if length > 0 {
            return Some((symbol, length.into()));
        }
        let length = (FAST_BITS + 1..=16).find(|&length| u32::from(bits) < self.ends[length as usize - 1].0)?;
        let index = i32::from(bits >> (16 - length)) + self.ends[length as usize - 1].1;
        Some((*self.symbols.get(usize::try_from(index).ok()?)?, length))
    }
}
