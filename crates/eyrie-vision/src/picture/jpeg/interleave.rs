//! A JPEG of one interleaved scan with the coefficients of another one.
//!
//! The decoders are right on interleaved scans of every sampling, not on several scans of one
//! component or some. Nothing is lost: the coefficients are written as they are, with codes that
//! need no statistics.

use super::super::error::PictureError;
use super::super::reading::damaged;
use super::entropy::{Grid, units};
use super::file::{File, Frame};

/// Bits of each code for DC coefficients, whose symbols are 0 to 15.
const DC_BITS: u32 = 5;
const DC_SYMBOLS: u8 = 16;
/// Codes of eight bits for AC coefficients; the symbols above have one bit more, and no code is all
/// ones.
const AC_SHORT: u32 = 254;

/// Writes the file.
///
/// # Errors
/// [`PictureError::Corrupt`] where a quantisation table is missing.
pub(super) fn interleaved(file: &File<'_>, grids: &[Grid]) -> Result<Vec<u8>, PictureError> {
    let frame = &file.frame;
    let mut out = vec![0xff, 0xd8];
    if let Some(adobe) = file.adobe_segment() {
        out.extend(adobe);
    }
    for index in 0..frame.components.len() {
        let table = file.quantisation(index).ok_or_else(|| damaged("a quantisation table is missing"))?;
        let wide = table.iter().any(|&step| step > 0xff);
        let steps = table.iter().flat_map(|step| step.to_be_bytes().into_iter().skip(usize::from(!wide)));
        let payload: Vec<u8> = std::iter::once(u8::from(wide) << 4 | index as u8).chain(steps).collect();
        segment(&mut out, 0xdb, &payload);
    }
    segment(&mut out, 0xc0, &frame_header(frame));
    segment(&mut out, 0xc4, &code_lengths(0x00, &[(DC_BITS, DC_SYMBOLS.into())]));
    segment(&mut out, 0xc4, &code_lengths(0x10, &[(8, AC_SHORT), (9, 256 - AC_SHORT)]));
    let selectors = frame.components.iter().flat_map(|component| [component.id, 0]);
    let scan: Vec<u8> = std::iter::once(frame.components.len() as u8).chain(selectors).chain([0, 63, 0]).collect();
    segment(&mut out, 0xda, &scan);

    let (across, down) = units(frame);
    let mut bits = Writer { out, buffer: 0, count: 0 };
    let mut previous = [0; 4];
    for unit in 0..across * down {
        for (grid, previous) in grids.iter().zip(&mut previous) {
            for block in 0..grid.h * grid.v {
                let x = unit % across * grid.h + block % grid.h;
                let y = unit / across * grid.v + block / grid.h;
                let seen = x < grid.across && y < grid.down;
                let block = seen.then(|| &grid.coefficients[y * grid.stride + x]);
                bits.block(block, previous);
            }
        }
    }
    Ok(bits.end())
}

fn segment(out: &mut Vec<u8>, marker: u8, payload: &[u8]) {
    out.extend([0xff, marker]);
    out.extend((payload.len() as u16 + 2).to_be_bytes());
    out.extend(payload);
}

fn frame_header(frame: &Frame) -> Vec<u8> {
    let mut header = vec![8];
    header.extend(frame.height.to_be_bytes());
    header.extend(frame.width.to_be_bytes());
    header.push(frame.components.len() as u8);
    let components = frame.components.iter().zip(0..);
    header.extend(components.flat_map(|(component, table)| [component.id, component.h << 4 | component.v, table]));
    header
}

/// The payload of a DHT segment: so many codes of a length each, for the symbols 0, 1 and so on.
fn code_lengths(class: u8, lengths: &[(u32, u32)]) -> Vec<u8> {
    let mut counts = [0_u8; 16];
    for &(length, count) in lengths {
        counts[length as usize - 1] = count as u8;
    }
    let symbols = 0..lengths.iter().map(|&(_, count)| count).sum();
    std::iter::once(class).chain(counts).chain(symbols.map(|symbol: u32| symbol as u8)).collect()
}

/// Entropy-coded data.
struct Writer {
    out: Vec<u8>,
    /// The last bits, in the lowest places.
    buffer: u64,
    count: u32,
}

impl Writer {
    /// Writes at most 24 bits.
    fn put(&mut self, bits: u32, count: u32) {
        self.buffer = self.buffer << count | u64::from(bits);
        self.count += count;
        while self.count >= 8 {
            self.count -= 8;
            let byte = (self.buffer >> self.count) as u8;
            self.out.push(byte);
            if byte == 0xff {
                self.out.push(0);
            }
        }
    }

    /// A number behind the code of its size (F.1.2.1): of negative ones, what is less by one.
    fn value(&mut self, value: i32, size: u32) {
        let low = if value < 0 { value - 1 } else { value };
        self.put(low as u32 & ((1 << size) - 1), size);
    }

    /// A block; one that nobody sees has the colour of the one before.
    fn block(&mut self, block: Option<&[i16; 64]>, previous: &mut i32) {
        let dc = block.map_or(*previous, |block| block[0].into());
        // More than an encoder writes: sizes end with 15.
        let difference = (dc - *previous).clamp(-0x7fff, 0x7fff);
        *previous += difference;
        let size = size_of(difference);
        self.put(size, DC_BITS);
        self.value(difference, size);
        let mut last = 0;
        for (place, &value) in block.into_iter().flatten().enumerate().skip(1).filter(|(_, value)| **value != 0) {
            let mut run = place - last - 1;
            while run > 15 {
                self.symbol(0xf0);
                run -= 16;
            }
            let value = i32::from(value).max(-0x7fff);
            let size = size_of(value);
            self.symbol((run as u32) << 4 | size);
            self.value(value, size);
            last = place;
        }
        if last < 63 {
            self.symbol(0);
        }
    }

    /// The code of a symbol for AC coefficients.
    fn symbol(&mut self, symbol: u32) {
        if symbol < AC_SHORT {
            self.put(symbol, 8);
        } else {
            self.put(AC_SHORT * 2 + (symbol - AC_SHORT), 9);
        }
    }

    fn end(mut self) -> Vec<u8> {
        // Ones fill up the last byte (F.1.2.3).
        self.put(0x7f, 7);
        self.out.extend([0xff, 0xd9]);
        self.out
    }
}

/// Bits of a number without its sign.
fn size_of(value: i32) -> u32 {
    32 - value.unsigned_abs().leading_zeros()
}
