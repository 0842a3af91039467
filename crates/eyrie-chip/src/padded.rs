//! How maps lie between layers, and memory for what kernels read.
//!
//! Activations lie padded, `(height + 2) x (width + 2) x channels`, with a border of zeros (of the
//! padding colour before the first layer), so that no kernel ever asks whether a pixel exists. The
//! maps of a batch follow one another.

/// Where memory for kernels starts: one cache line, one vector of AVX-512.
const ALIGNMENT: usize = 64;

/// The shape of a padded map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Padded {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) channels: usize,
}

impl Padded {
    /// Bytes of one padded row.
    pub(crate) fn row_len(self) -> usize {
        (self.width + 2) * self.channels
    }

    /// Bytes of the padded map.
    pub(crate) fn len(self) -> usize {
        (self.height + 2) * self.row_len()
    }

    /// The same pixels with other channels.
    pub(crate) fn with_channels(self, channels: usize) -> Self {
        Self { channels, ..self }
    }

    /// After a 2x2 pooling with stride 2; an odd last row or column is dropped.
    pub(crate) fn pooled(self) -> Self {
        Self { height: self.height / 2, width: self.width / 2, ..self }
    }
}

/// Zeroes the first and the last pixel of a padded row.
pub(crate) fn clear_ends(channels: usize, row: &mut [u8]) {
    let end = row.len() - channels;
    row[..channels].fill(0);
    row[end..].fill(0);
}

/// How the rows of maps of shape `out` are cut into bands: between runs of `step` rows of a map,
/// the last of which may be shorter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bands {
    pub(crate) out: Padded,
    pub(crate) step: usize,
}

impl Bands {
    /// Runs of a map.
    pub(crate) fn rows(self) -> usize {
        self.out.height.div_ceil(self.step)
    }

    /// The padded row, through all maps, at which a band starts that begins with a run: with a map,
    /// its upper border; within one, the run's own first row.
    pub(crate) fn start(self, run: usize) -> usize {
        self.first_row(run) - usize::from(run.is_multiple_of(self.rows()))
    }

    /// The first padded row of a run, through all maps.
    pub(crate) fn first_row(self, run: usize) -> usize {
        run / self.rows() * (self.out.height + 2) + 1 + run % self.rows() * self.step
    }
}

/// Zeros that begin at a cache line.
#[derive(Debug, Clone)]
pub(crate) struct Aligned<T> {
    values: Vec<T>,
    start: usize,
}

impl<T: Clone + Default> Aligned<T> {
    pub(crate) fn new(len: usize) -> Self {
        let values = vec![T::default(); len + ALIGNMENT / size_of::<T>()];
        // On a platform that cannot tell, any start is right and only slower.
        let start = values.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT / size_of::<T>());
        Self { values, start }
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.values[self.start..]
    }

    /// Bytes of memory held.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(self.values.as_slice())
    }
}
