//! Huffman codes and the bits that they are read from (ITU-T T.81, C and F.2.2).

use std::ops::ControlFlow;

use super::super::error::PictureError;
use super::super::reading::damaged;

/// Bits that the first table of a Huffman code resolves.
const FAST_BITS: u32 = 9;

/// Why reading codes ended.
pub(super) enum Stop {
    /// The data ended.
    Short,
    /// Bits that are no code.
    NoCode,
}

/// Bits of entropy-coded data, stuffed zeros left out.
pub(super) struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    /// The next bits, from the top down.
    buffer: u64,
    count: u32,
    /// Whether a marker or the end of the data was met.
    ended: bool,
}

impl<'a> Bits<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0, buffer: 0, count: 0, ended: false }
    }

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
    pub(super) fn skip(&mut self, mut bits: u32) -> ControlFlow<Stop> {
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
    pub(super) fn take(&mut self, bits: u32) -> ControlFlow<Stop, u32> {
        if self.count < 32 {
            self.fill();
        }
        let value = if bits == 0 { 0 } else { (self.buffer >> (64 - bits)) as u32 };
        self.skip(bits)?;
        ControlFlow::Continue(value)
    }

    /// The symbol of the next code.
    pub(super) fn code(&mut self, table: &Table) -> ControlFlow<Stop, u8> {
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
    pub(super) fn restart(&mut self) -> Option<()> {
        let rest = self.data.get(self.at..)?;
        let found = rest.windows(2).position(|pair| pair[0] == 0xff && (0xd0..=0xd7).contains(&pair[1]))?;
        *self = Self { data: self.data, at: self.at + found + 2, buffer: 0, count: 0, ended: false };
        Some(())
    }

    /// The first byte of which no bit was used; bytes that were stuffed count as one.
    pub(super) fn position(&self) -> usize {
        self.at - (self.count / 8) as usize
    }
}

/// The tables that hold at some place in a file.
#[derive(Default)]
pub(super) struct Tables {
    pub(super) dc: [Option<Table>; 4],
    pub(super) ac: [Option<Table>; 4],
}

impl Tables {
    /// Takes the tables of a DHT segment.
    pub(super) fn load(&mut self, mut payload: &[u8]) -> Result<(), PictureError> {
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
pub(super) struct Table {
    symbols: Vec<u8>,
    /// By the first bits: symbol and length; length 0 for longer codes.
    fast: Vec<(u8, u8)>,
    /// By length - 1: the first code that is longer, left-aligned in 16 bits, and what leads from a
    /// code to its symbol.
    ends: [(u32, i32); 16],
}

pub(super) static EMPTY: Table = Table { symbols: Vec::new(), fast: Vec::new(), ends: [(0, 0); 16] };

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
