//! What describing one picture costs.

use std::ops::Add;
use std::time::Duration;

use eyrie_chip::PassCost;
use serde::{Deserialize, Serialize};

/// What an extraction costs on the simulated chip. Cycles are exact for the model of the chip; time
/// and energy are estimates derived from them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExtractionCost {
    /// Passes through the network.
    pub passes: u32,
    /// Chip cycles of all passes.
    pub cycles: u64,
    /// Multiply-accumulates of all passes.
    pub macs: u64,
    /// Largest use of the image buffer by one layer's input and output, in bytes.
    pub buffer_bytes: u64,
    /// Time at the chip's clock, in milliseconds (estimate).
    pub chip_milliseconds: f64,
    /// Energy range in millijoules, low and high (estimate).
    pub energy_millijoules: [f64; 2],
    /// Wall time of the whole extraction on this machine, decoding included, in milliseconds.
    pub host_milliseconds: f64,
}

impl ExtractionCost {
    /// The cost of `passes` passes of which each costs as much as `pass`, in an extraction that
    /// took `elapsed`.
    pub(super) fn of(pass: &PassCost, passes: u32, elapsed: Duration) -> Self {
        Self {
            passes,
            cycles: pass.cycles * u64::from(passes),
            macs: pass.macs * u64::from(passes),
            buffer_bytes: pass.buffer_bytes,
            chip_milliseconds: pass.chip_milliseconds * f64::from(passes),
            energy_millijoules: pass.energy_millijoules.map(|energy| energy * f64::from(passes)),
            host_milliseconds: elapsed.as_secs_f64() * 1000.0,
        }
    }
}

impl Add for ExtractionCost {
    type Output = Self;

    /// What both cost, one after the other.
    fn add(self, other: Self) -> Self {
        let ([low, high], [other_low, other_high]) = (self.energy_millijoules, other.energy_millijoules);
        Self {
            passes: self.passes + other.passes,
            cycles: self.cycles + other.cycles,
            macs: self.macs + other.macs,
            buffer_bytes: self.buffer_bytes.max(other.buffer_bytes),
            chip_milliseconds: self.chip_milliseconds + other.chip_milliseconds,
            energy_millijoules: [low + other_low, high + other_high],
            host_milliseconds: self.host_milliseconds + other.host_milliseconds,
        }
    }
}
