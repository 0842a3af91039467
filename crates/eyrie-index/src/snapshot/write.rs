//! Writing a snapshot.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use super::header::{Header, Section};
use super::{BUFFER, GRAPH, UNFINISHED, VECTORS};
use crate::chunked::CHUNK;
use crate::codes::stride;
use crate::error::SaveError;
use crate::points::Slot;
use crate::shared::Shared;
use crate::state::State;

/// Makes `folder` that of an empty index, and returns the file for its vectors, locked for this
/// process.
pub(crate) fn create(folder: &Path) -> io::Result<File> {
    fs::create_dir_all(folder)?;
    let vectors = File::options().read(true).write(true).create(true).truncate(false).open(folder.join(VECTORS))?;
    vectors.try_lock()?;
    // In this order: a snapshot must not outlive the vectors that it needs.
    match fs::remove_file(folder.join(GRAPH)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    File::open(folder)?.sync_all()?;
    vectors.set_len(0)?;
    Ok(vectors)
}

/// What is copied at the cut.
struct Cut {
    slots: usize,
    flags: Vec<u8>,
    keys: Vec<u64>,
    scales: Vec<f32>,
    residuals: Vec<f32>,
    checks: Vec<u32>,
    more: Vec<(Slot, u64)>,
}

impl Cut {
    fn new(state: &State) -> Self {
        let (points, slots) = (&state.points, state.points.len());
        let more = state.tables.shared().flat_map(|(slot, keys)| keys.iter().map(move |&key| (slot, key)));
        Self {
            slots,
            flags: points.flags.copy(slots),
            keys: points.keys.copy(slots),
            scales: points.scales.copy(slots),
            residuals: points.residuals.copy(slots),
            checks: points.checks.copy(slots),
            more: more.collect(),
        }
    }
}

/// Writes sections and remembers their lengths and checksums.
struct Writer {
    file: File,
    buffer: Vec<u8>,
    checksum: crc32fast::Hasher,
    length: u64,
    sections: Vec<(u64, u32)>,
}

impl Writer {
    /// Takes bytes without writing them: where a lock is held.
    fn add(&mut self, bytes: impl Iterator<Item = u8>) {
        self.buffer.extend(bytes);
    }

    fn flush_if_full(&mut self) -> io::Result<()> {
        if self.buffer.len() < BUFFER { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.checksum.update(&self.buffer);
        self.length += self.buffer.len() as u64;
        self.file.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    fn end_section(&mut self) -> io::Result<()> {
        self.flush()?;
        let checksum = std::mem::take(&mut self.checksum).finalize();
        self.sections.push((std::mem::take(&mut self.length), checksum));
        Ok(())
    }

    /// A section of one number a slot.
    fn numbers<T: Copy, const N: usize>(&mut self, numbers: &[T], bytes: impl Fn(T) -> [u8; N]) -> io::Result<()> {
        for piece in numbers.chunks(BUFFER / N) {
            self.add(piece.iter().flat_map(|&number| bytes(number)));
            self.flush_if_full()?;
        }
        self.end_section()
    }
}

/// Calls `work` with ranges that lie in one piece and cover all below `rows`.
fn each_piece(rows: usize, step: usize, mut work: impl FnMut(usize, usize) -> io::Result<()>) -> io::Result<()> {
    let mut from = 0;
    while from < rows {
        let to = rows.min(from + step.max(1)).min((from / CHUNK + 1) * CHUNK);
        work(from, to)?;
        from = to;
    }
    Ok(())
}

/// Writes a snapshot into the index's folder, in the place of the one that is there. The graph is
/// at rest.
pub(crate) fn save(shared: &Shared, stamp: u64) -> Result<(), SaveError> {
    let Some((folder, text)) = &shared.home else { return Err(SaveError::NoFolder) };
    let result = write(shared, folder, text, stamp).map_err(|source| SaveError::Io { what: "the snapshot", source });
    if result.is_err() {
        // What is left of it is in nobody's way; the next one overwrites it.
        let _ = fs::remove_file(folder.join(UNFINISHED));
        return result;
    }
    let place = || {
        shared.vectors.sync()?;
        fs::rename(folder.join(UNFINISHED), folder.join(GRAPH))?;
        File::open(folder)?.sync_all()
    };
    place().map_err(|source| SaveError::Io { what: "the vectors", source })
}

#[allow(clippy::cast_possible_truncation)]
fn write(shared: &Shared, folder: &Path, text: &str, stamp: u64) -> io::Result<()> {
    let (cut, entry, random) = {
        let state = shared.read();
        (Cut::new(&state), state.graph.entry(), state.graph.random)
    };
    let file = File::create(folder.join(UNFINISHED))?;
    let mut writer = Writer {
        file,
        buffer: Vec::with_capacity(BUFFER + (BUFFER >> 2)),
        checksum: crc32fast::Hasher::new(),
        length: 0,
        sections: Vec::new(),
    };
    writer.file.write_all(&vec![0; Header::length(text)])?;
    writer.numbers(&cut.flags, |flags| [flags])?;
    writer.numbers(&cut.keys, u64::to_le_bytes)?;
    writer.numbers(&cut.scales, f32::to_le_bytes)?;
    writer.numbers(&cut.residuals, f32::to_le_bytes)?;
    writer.numbers(&cut.checks, u32::to_le_bytes)?;
    let m = shared.params.m;
    each_piece(cut.slots, BUFFER / stride(shared.dimension), |from, to| {
        writer.add(shared.read().points.codes.piece(from, to).iter().map(|&value| value.cast_unsigned()));
        writer.flush_if_full()
    })?;
    writer.end_section()?;
    let bytes = |link: &AtomicU32| link.load(Ordering::Relaxed).to_le_bytes();
    // Slots that were taken since the graph last grew have no links.
    let rows = shared.read().graph.lowest.rows().min(cut.slots);
    each_piece(rows, BUFFER / (8 * m), |from, to| {
        writer.add(shared.read().graph.lowest.piece(from, to).iter().flat_map(bytes));
        writer.flush_if_full()
    })?;
    writer.end_section()?;
    for (slot, links) in shared.read().graph.upper() {
        let level = (links.len() / m) as u32;
        writer.add(slot.to_le_bytes().into_iter().chain(level.to_le_bytes()).chain(links.iter().flat_map(bytes)));
    }
    writer.end_section()?;
    for (slot, key) in &cut.more {
        writer.add(slot.to_le_bytes().into_iter().chain(key.to_le_bytes()));
        writer.flush_if_full()?;
    }
    writer.end_section()?;
    let mut sections = [(0, 0); Section::COUNT];
    sections.copy_from_slice(&writer.sections);
    let header = Header {
        dimension: shared.dimension as u32,
        m: m as u32,
        stamp,
        slots: cut.slots as u64,
        entry,
        random,
        text: text.to_owned(),
        sections,
    };
    writer.file.seek(SeekFrom::Start(0))?;
    writer.file.write_all(&header.encode())?;
    writer.file.sync_all()
}
