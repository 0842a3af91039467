//! Writing to the two outputs of the process.

use std::io::{self, BufWriter, Write};

use comfy_table::{Table, presets};
use serde::Serialize;

use crate::error::CliError;
pub use crate::error::note;

/// Writes results to the standard output: all of `write`'s text is flushed, and a reader that has
/// gone is an ordinary end.
pub fn results(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), CliError> {
    let mut out = BufWriter::new(io::stdout().lock());
    write(&mut out).and_then(|()| out.flush()).map_err(CliError::Output)
}

/// Writes a value as indented JSON.
pub fn json(value: &impl Serialize) -> Result<(), CliError> {
    results(|out| {
        serde_json::to_writer_pretty(&mut *out, value)?;
        writeln!(out)
    })
}

/// An empty table in the style of all tables.
pub fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    table
}

/// A count with commas between the thousands.
pub fn grouped(count: u64) -> String {
    indicatif::HumanCount(count).to_string()
}
