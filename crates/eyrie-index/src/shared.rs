//! What the index and its thread share, and how points come in and go.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::codes::{Encoded, check, encode};
use crate::control::Control;
use crate::error::IndexError;
use crate::exact::LANES;
use crate::graph::{Scratch, View};
use crate::kernels::Kernels;
use crate::points::Slot;
use crate::state::State;
use crate::vectors::{Record, Vectors, check_of, to_bytes};
use crate::{ExactScore, Params};

/// So many points are inserted under one lock; searches get their turn between two of these.
const UPSERT_CHUNK: usize = 512;

/// The records that are scored in one go.
pub(crate) type Records = [Record; LANES];

pub(crate) struct Shared {
    pub(crate) dimension: usize,
    pub(crate) params: Params,
    pub(crate) exact: ExactScore,
    pub(crate) kernels: Kernels,
    pub(crate) vectors: Vectors,
    /// Where snapshots go, and what they are of.
    pub(crate) home: Option<(PathBuf, String)>,
    /// Held by whoever changes which slots there are, so that records are written without the lock
    /// of the state. Taken before that.
    writer: Mutex<()>,
    state: RwLock<State>,
    /// Taken while no other lock is held, or before them.
    pub(crate) control: Mutex<Control>,
    pub(crate) changed: Condvar,
    /// Set when the index is dropped; work is abandoned then.
    pub(crate) stop: AtomicBool,
    pub(crate) scratches: Mutex<Vec<(Scratch, Records)>>,
}

/// A vector on its way in.
struct Incoming {
    key: u64,
    encoded: Encoded,
    bytes: Vec<u8>,
    check: u32,
}

impl Incoming {
    fn new(key: u64, values: &[f32]) -> Self {
        let bytes = to_bytes(values);
        let check = check_of(&bytes);
        Self { key, encoded: encode(values), bytes, check }
    }
}

/// Which slot it gets.
#[derive(Clone, Copy)]
enum Target {
    /// One that has this vector already.
    Existing(Slot),
    /// The same, but its record cannot be read and is written again.
    Damaged(Slot),
    /// That of an earlier one of the same call, by its position.
    Same(usize),
    New,
}

impl Shared {
    pub(crate) fn new(
        state: State,
        params: Params,
        exact: ExactScore,
        vectors: Vectors,
        home: Option<(PathBuf, String)>,
    ) -> Self {
        Self {
            dimension: state.points.dimension,
            params,
            exact,
            kernels: Kernels::detect(),
            vectors,
            home,
            writer: Mutex::default(),
            state: RwLock::new(state),
            control: Mutex::default(),
            changed: Condvar::new(),
            stop: AtomicBool::new(false),
            scratches: Mutex::default(),
        }
    }

    // A panic must not make the index useless for ever. One in a search leaves the state as it
    // was, and the code under the write lock has none to expect.
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn writer(&self) -> MutexGuard<'_, ()> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn view<'a>(&self, state: &'a State) -> View<'a> {
        View { points: &state.points, graph: &state.graph, kernels: self.kernels }
    }

    /// Calls `work` with what a search needs, used before or new.
    pub(crate) fn with_scratch<T>(&self, work: impl FnOnce(&mut Scratch, &mut Records) -> T) -> T {
        let pooled = self.scratches.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let (mut scratch, mut records) = pooled.unwrap_or_default();
        let result = work(&mut scratch, &mut records);
        self.scratches.lock().unwrap_or_else(PoisonError::into_inner).push((scratch, records));
        result
    }

    /// Bytes of what searches use again and again.
    pub(crate) fn scratch_bytes(&self) -> usize {
        let pooled = self.scratches.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = |records: &Records| records.iter().map(Record::bytes).sum::<usize>();
        pooled.iter().map(|(scratch, records)| scratch.bytes() + bytes(records)).sum()
    }

    pub(crate) fn upsert(&self, points: &[(u64, &[f32])]) -> Result<(), IndexError> {
        points.iter().try_for_each(|(_, values)| check(values, self.dimension))?;
        for points in points.chunks(UPSERT_CHUNK) {
            let incoming: Vec<Incoming> = points.iter().map(|(key, values)| Incoming::new(*key, values)).collect();
            self.take_in(&incoming)?;
        }
        Ok(())
    }

    fn take_in(&self, incoming: &[Incoming]) -> Result<(), IndexError> {
        let _writer = self.writer();
        let targets = self.targets(incoming);
        let mut slots = Vec::with_capacity(incoming.len());
        {
            let mut state = self.write();
            for target in &targets {
                let slot = match *target {
                    Target::Existing(slot) | Target::Damaged(slot) => Ok(slot),
                    Target::Same(earlier) => Ok(slots[earlier]),
                    Target::New => state.reserve(),
                };
                match slot {
                    Ok(slot) => slots.push(slot),
                    Err(error) => {
                        let new = slots.iter().zip(&targets).filter(|(_, target)| matches!(target, Target::New));
                        new.for_each(|(&slot, _)| state.release(slot));
                        return Err(error);
                    }
                }
            }
        }
        let written = |target: &Target| matches!(target, Target::New | Target::Damaged(_));
        let mut records: Vec<(Slot, &[u8])> = Vec::with_capacity(incoming.len());
        for ((&slot, target), point) in slots.iter().zip(&targets).zip(incoming) {
            if written(target) {
                records.push((slot, &point.bytes));
            }
        }
        records.sort_unstable_by_key(|(slot, _)| *slot);
        // A slot has its record before anybody can find it.
        self.vectors.write(&records);
        let mut state = self.write();
        for ((&slot, target), point) in slots.iter().zip(&targets).zip(incoming) {
            if matches!(target, Target::New) {
                state.fill(slot, &point.encoded, point.check);
            }
        }
        // A slot may lose its only key to one point of the call and get that of a later one.
        for (&slot, point) in slots.iter().zip(incoming) {
            state.attach(slot, point.key);
        }
        state.tidy();
        Ok(())
    }

    fn targets(&self, incoming: &[Incoming]) -> Vec<Target> {
        let state = self.read();
        let mut earlier: HashMap<u32, Vec<usize>> = HashMap::new();
        let mut record = Record::default();
        let mut targets = Vec::with_capacity(incoming.len());
        for (position, point) in incoming.iter().enumerate() {
            let mut target = Target::New;
            for slot in state.tables.of_check(&state.points, point.check) {
                if !state.points.has(slot, &point.encoded, point.check) {
                    continue;
                }
                if !self.vectors.read(slot, point.check, &mut record) {
                    target = Target::Damaged(slot);
                    break;
                }
                if to_bytes(&record.values) == point.bytes {
                    target = Target::Existing(slot);
                    break;
                }
            }
            if matches!(target, Target::New) {
                let same = earlier.entry(point.check).or_default();
                match same.iter().find(|&&other| incoming[other].bytes == point.bytes) {
                    Some(&other) => target = Target::Same(other),
                    None => same.push(position),
                }
            }
            targets.push(target);
        }
        targets
    }

    pub(crate) fn remove(&self, key: u64) -> bool {
        let _writer = self.writer();
        self.write().remove(key)
    }
}
