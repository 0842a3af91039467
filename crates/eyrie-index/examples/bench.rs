//! Measures the index on vectors like those of pictures; `benches/peers/index` runs it beside others.
//!
//! ```text
//! bench generate --real FILE --count N --queries Q --dimension D --out FOLDER
//! bench run --folder FOLDER [--m M] [--ef-construction E] [--ef E,...] [--threads T]
//! ```
#![allow(clippy::print_stdout)]

#[path = "bench/generate.rs"]
mod generate;
#[path = "bench/measure.rs"]
mod measure;
#[path = "bench/options.rs"]
mod options;

fn main() {
    let options = options::Options::from_arguments();
    match options.command.as_str() {
        "generate" => generate::generate(&options),
        "run" => measure::run(&options),
        other => panic!("{other:?} is neither generate nor run"),
    }
}
