//! Chips to choose from, and what it costs to describe images on them: which network and which input a chip holds, which
//! passes an image of some size takes, their cycles, time and energy.
//!
//! Nothing here runs a network or changes a descriptor. `docs/CHIP.md` has the formulas and their sources.

mod costs;
mod file;
mod report;

pub use costs::{CostModel, WholePass};
pub use file::Chip;
pub use report::{ChipFacts, ChipReport, ImagePlan, LayerCost, ModelFacts, PassCost, ProfileCost, SubImage};

use std::path::PathBuf;

/// Why there is no chip, or why the chip cannot do what is asked of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChipError {
    /// Neither a built-in chip nor a path.
    #[error("there is no chip {name:?}; built in are {known}, and a path holds a slash or ends in .toml")]
    Unknown {
        /// The name as it was given.
        name: String,
        /// The names there are.
        known: String,
    },
    /// The file cannot be read.
    #[error("cannot read the chip file {path}: {reason}")]
    File {
        /// The path as it was given.
        path: PathBuf,
        /// What the operating system says.
        reason: String,
    },
    /// The file is no TOML, lacks a key, has one too many, or a value is not allowed.
    #[error("the chip file {path}: {reason}")]
    Invalid {
        /// The path as it was given.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The weight memory does not hold the network.
    #[error(
        "the chip {chip:?} cannot run this network: its weight memory has {has} bytes, and the network needs {needs} \
         (weight_memory_bytes = {needs} would do)"
    )]
    WeightMemory {
        /// Name of the chip.
        chip: String,
        /// Bytes there are.
        has: u64,
        /// Bytes of codes, multipliers and biases.
        needs: u64,
    },
    /// The image buffer holds no image that is large enough for the network.
    #[error(
        "the chip {chip:?} cannot run this network: its image buffer has {has} bytes, and the smallest image that its \
         poolings leave something of, {side}x{side} pixels, needs {needs}; passes of 224x224 pixels, which \
         descriptors are made of, need {descriptors_need}"
    )]
    ImageBuffer {
        /// Name of the chip.
        chip: String,
        /// Bytes there are.
        has: u64,
        /// Pixels a side of the smallest image.
        side: usize,
        /// Bytes that it needs.
        needs: u64,
        /// Bytes that 224x224 pixels need.
        descriptors_need: u64,
    },
    /// The image buffer holds less than descriptors are made of.
    #[error(
        "the chip {chip:?} cannot give Eyrie's descriptors: they are made of passes of 224x224 pixels, which need \
         {needs} bytes of image buffer; its {has} bytes hold {largest}x{largest} pixels at most"
    )]
    Descriptors {
        /// Name of the chip.
        chip: String,
        /// Bytes there are.
        has: u64,
        /// Bytes that 224x224 pixels need.
        needs: u64,
        /// Pixels a side of the largest image that fits.
        largest: usize,
    },
}
