//! What it costs to describe images on a chip: which network and which input it holds, which passes
//! an image of some size takes, their cycles, time and energy.
//!
//! Nothing here runs a network or changes a descriptor. `docs/CHIP.md` has the formulas and their
//! sources.

mod costs;
mod fit;
mod report;

pub use costs::{CostModel, WholePass};
pub use fit::FitError;
pub use report::{ChipFacts, ChipReport, ImagePlan, ModelFacts, ProfileCost};
