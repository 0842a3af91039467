//! Reading a snapshot, which may be anything.

use std::fs::{File, TryLockError};
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use super::header::{Bytes, Header, Section};
use super::{BUFFER, GRAPH, VECTORS};
use crate::Params;
use crate::chunked::{Blank, Chunked};
use crate::codes::stride;
use crate::error::OpenError;
use crate::graph::MAX_LEVEL;
use crate::points::{NONE, Slot, flag};
use crate::state::State;

/// The state that was saved, its stamp, and the file of the vectors.
pub(crate) struct Opened {
    pub(crate) state: State,
    pub(crate) stamp: u64,
    pub(crate) vectors: File,
}

/// Reads sections and checks their lengths and checksums.
struct Reader {
    file: File,
    sections: std::array::IntoIter<(u64, u32), { Section::COUNT }>,
    buffer: Vec<u8>,
}

impl Reader {
    /// Hands the next section on in pieces that are multiples of `unit` bytes.
    fn section(&mut self, unit: usize, mut piece: impl FnMut(&[u8]) -> Result<(), OpenError>) -> Result<(), OpenError> {
        let (mut length, checksum) = self.sections.next().unwrap_or_default();
        let most = (BUFFER / unit).max(1) * unit;
        let mut hasher = crc32fast::Hasher::new();
        while length > 0 {
            let now = usize::try_from(length).map_or(most, |length| length.min(most));
            self.buffer.resize(now, 0);
            self.file.read_exact(&mut self.buffer)?;
            hasher.update(&self.buffer);
            piece(&self.buffer)?;
            length -= now as u64;
        }
        if hasher.finalize() == checksum { Ok(()) } else { Err(OpenError::Damaged("a checksum is wrong")) }
    }

    /// A section with a row a slot.
    fn rows<T: Blank, const N: usize>(
        &mut self,
        array: &mut Chunked<T>,
        rows: usize,
        width: usize,
        value: impl Fn([u8; N]) -> T,
    ) -> Result<(), OpenError> {
        let mut row = 0;
        self.section(N * width, |bytes| {
            let mut bytes = bytes.as_chunks::<N>().0;
            while !bytes.is_empty() {
                let to = rows.min(row + bytes.len() / width);
                let piece = array.piece_mut(row, to);
                let (now, later) = bytes.split_at(piece.len());
                piece.iter_mut().zip(now).for_each(|(element, bytes)| *element = value(*bytes));
                row += now.len() / width;
                bytes = later;
            }
            Ok(())
        })
    }
}

/// Reads the snapshot in `folder`.
pub(crate) fn open(folder: &Path, dimension: usize, params: Params, text: &str) -> Result<Opened, OpenError> {
    let vectors = open_vectors(folder)?;
    let mut file = File::open(folder.join(GRAPH)).map_err(missing)?;
    let header = read_header(&mut file)?;
    expect("the number of values", header.dimension as usize, dimension)?;
    expect("m", header.m as usize, params.m)?;
    if header.text != text {
        return Err(OpenError::Other { what: "its text", found: header.text, expected: text.to_owned() });
    }
    let slots = check_lengths(&header, file.metadata()?.len())?;
    let mut state = State::new(dimension, params.m);
    state.graph.random = header.random;
    read_sections(&mut state, file, &header, slots)?;
    let is_entry = |(slot, level): (Slot, usize)| {
        (slot as usize) < slots && state.points.is(slot, flag::LINKED) && state.graph.level(slot) == level
    };
    if header.entry.is_none() != (state.graph.len() == 0) || !header.entry.is_none_or(is_entry) {
        return Err(OpenError::Damaged("its entry is no point of the graph"));
    }
    state.graph.set_entry(header.entry);
    check_links(&state)?;
    Ok(Opened { state, stamp: header.stamp, vectors })
}

/// Opens the file of the vectors for this process alone.
fn open_vectors(folder: &Path) -> Result<File, OpenError> {
    let vectors = File::options().read(true).write(true).open(folder.join(VECTORS)).map_err(missing)?;
    match vectors.try_lock() {
        Ok(()) => Ok(vectors),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

fn missing(error: io::Error) -> OpenError {
    if error.kind() == io::ErrorKind::NotFound { OpenError::Missing } else { OpenError::Io(error) }
}

fn expect(what: &'static str, found: usize, expected: usize) -> Result<(), OpenError> {
    if found == expected {
        return Ok(());
    }
    Err(OpenError::Other { what, found: found.to_string(), expected: expected.to_string() })
}

fn read_header(file: &mut File) -> Result<Header, OpenError> {
    let mut start = Vec::new();
    file.take(16).read_to_end(&mut start)?;
    let length = Header::length_of(&start)?;
    let mut bytes = start;
    file.take((length - bytes.len()) as u64).read_to_end(&mut bytes)?;
    if bytes.len() == length { Header::decode(&bytes) } else { Err(OpenError::Damaged("it ends too early")) }
}

/// Checks that the sections have the lengths that follow from the number of slots and are what the
/// file holds, before memory is taken for them.
fn check_lengths(header: &Header, file: u64) -> Result<usize, OpenError> {
    let damaged = OpenError::Damaged("the lengths of its sections are impossible");
    let lengths = header.sections.map(|(length, _)| length);
    let all = lengths.iter().try_fold(Header::length(&header.text) as u64, |sum, &length| sum.checked_add(length));
    let Ok(slots) = usize::try_from(header.slots) else { return Err(damaged) };
    let row = |section: Section| section.row(stride(header.dimension as usize), header.m as usize) as u64;
    let sound = all == Some(file)
        && slots < NONE as usize
        && Section::ROWS.into_iter().all(|section| {
            let length = lengths[section as usize];
            let whole = header.slots.checked_mul(row(section));
            // The graph's arrays may be shorter than the others.
            length.is_multiple_of(row(section))
                && whole.is_some_and(|whole| length == whole || section == Section::Lowest && length < whole)
        })
        && lengths[Section::More as usize].is_multiple_of(12);
    if sound { Ok(slots) } else { Err(damaged) }
}

fn read_sections(state: &mut State, file: File, header: &Header, slots: usize) -> Result<(), OpenError> {
    let mut reader = Reader { file, sections: header.sections.into_iter(), buffer: Vec::new() };
    let m = header.m as usize;
    let State { points, graph, .. } = state;
    points.grow(slots);
    reader.rows(&mut points.flags, slots, 1, |[byte]| byte)?;
    reader.rows(&mut points.keys, slots, 1, u64::from_le_bytes)?;
    reader.rows(&mut points.scales, slots, 1, f32::from_le_bytes)?;
    reader.rows(&mut points.residuals, slots, 1, f32::from_le_bytes)?;
    reader.rows(&mut points.checks, slots, 1, u32::from_le_bytes)?;
    let width = stride(points.dimension);
    reader.rows(&mut points.codes, slots, width, |[byte]| byte.cast_signed())?;
    let linked = usize::try_from(header.sections[Section::Lowest as usize].0).unwrap_or(0) / (8 * m);
    if linked > 0 {
        graph.grow(slots);
    }
    reader.rows(&mut graph.lowest, linked, 2 * m, |bytes| AtomicU32::new(u32::from_le_bytes(bytes)))?;
    let mut upper = Vec::new();
    reader.section(1, |bytes| {
        upper.extend_from_slice(bytes);
        Ok(())
    })?;
    state.restore_slots(linked)?;
    restore_upper(state, &upper, m)?;
    reader.section(12, |bytes| {
        let mut bytes = Bytes(bytes);
        while !bytes.0.is_empty() {
            state.restore_further_key(bytes.u32()?, bytes.u64()?)?;
        }
        Ok(())
    })
}

/// Points above the lowest layer: the slot, its level, and `m` links for each layer from 1 up.
fn restore_upper(state: &mut State, bytes: &[u8], m: usize) -> Result<(), OpenError> {
    let mut bytes = Bytes(bytes);
    while !bytes.0.is_empty() {
        let (slot, level) = (bytes.u32()?, bytes.u32()? as usize);
        let sound = (slot as usize) < state.points.len()
            && state.points.is(slot, flag::LINKED)
            && (1..=MAX_LEVEL).contains(&level)
            && state.graph.level(slot) == 0;
        if !sound {
            return Err(OpenError::Damaged("a point above the lowest layer is none"));
        }
        state.graph.raise(slot, level);
        for (cell, link) in state.graph.upper_of(slot).iter().zip(bytes.take(level * m * 4)?.as_chunks::<4>().0) {
            cell.store(u32::from_le_bytes(*link), Ordering::Relaxed);
        }
    }
    Ok(())
}

/// Checks that every link leads to a point of its layer, and counts the incoming ones.
fn check_links(state: &State) -> Result<(), OpenError> {
    let damaged = OpenError::Damaged("a link leads nowhere");
    let is_linked = |link: Slot| (link as usize) < state.points.len() && state.points.is(link, flag::LINKED);
    let all_sound = |cells: &[AtomicU32], slot: Slot, is_sound: &dyn Fn(Slot) -> bool| {
        let mut ended = false;
        cells.iter().map(|link| link.load(Ordering::Relaxed)).all(|link| {
            ended |= link == NONE;
            if ended { link == NONE } else { link != slot && is_sound(link) }
        })
    };
    if state.graph.lowest.rows() == 0 {
        return Ok(());
    }
    for slot in state.points.slots() {
        let cells = state.graph.cells(slot, 0);
        let sound = if state.points.is(slot, flag::LINKED) {
            all_sound(cells, slot, &is_linked)
        } else {
            all_sound(cells, slot, &|_| false)
        };
        if !sound {
            return Err(damaged);
        }
        state.graph.links(slot, 0).for_each(|link| state.graph.count_up(link));
    }
    for (slot, links) in state.graph.upper() {
        for (layer, cells) in (1..).zip(links.chunks_exact(state.graph.m())) {
            if !all_sound(cells, slot, &|link| is_linked(link) && state.graph.level(link) >= layer) {
                return Err(damaged);
            }
        }
    }
    Ok(())
}
