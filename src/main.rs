//! The `eyrie` program.

fn main() {}
