//! The commands of the laboratory, for the program to put among its own.

mod bench;
mod eval;
mod machine;
mod quantize;
mod records;
mod vectors;
mod whiten;

pub use bench::Bench;
pub use eval::Eval;
pub use machine::Machine;
pub use quantize::Quantize;
pub use whiten::Whiten;
