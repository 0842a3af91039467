//! Chips to choose from, as TOML files.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::spec::ChipSpec;

/// Why there is no chip.
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
}

/// A chip with its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Chip {
    /// What it is called.
    pub name: String,
    /// Where its numbers come from.
    pub source: String,
    /// The numbers.
    pub spec: ChipSpec,
}

/// The keys of a file. `config/chips/default.toml` explains them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChipFile {
    name: String,
    source: String,
    engines: u64,
    tile: u64,
    image_buffer_bytes: u64,
    weight_memory_bytes: u64,
    clock_mhz: f64,
    energy_pj_per_mac: Vec<f64>,
}

const MAX_MEMORY_BYTES: u64 = 1 << 32;
const CLOCK_MHZ: RangeInclusive<f64> = 0.001..=100_000.0;
const ENERGY_PJ: RangeInclusive<f64> = 0.000_001..=1_000_000.0;

impl Chip {
    /// The chips that are part of the program: name and file.
    pub const BUILT_IN: [(&str, &str); 3] = [
        ("default", include_str!("../../../config/chips/default.toml")),
        ("small", include_str!("../../../config/chips/small.toml")),
        ("large", include_str!("../../../config/chips/large.toml")),
    ];

    /// The built-in chip of this name, or the one in the file of this path (which holds a slash or
    /// ends in `.toml`).
    ///
    /// # Errors
    /// [`ChipError::Unknown`], [`ChipError::File`], [`ChipError::Invalid`].
    pub fn load(name_or_path: &str) -> Result<Self, ChipError> {
        if let Some((name, text)) = Self::BUILT_IN.iter().find(|(name, _)| *name == name_or_path) {
            return Self::parse(text, Path::new(name));
        }
        if !name_or_path.contains(['/', '\\']) && !name_or_path.ends_with(".toml") {
            let known = Self::BUILT_IN.map(|(name, _)| name).join(", ");
            return Err(ChipError::Unknown { name: name_or_path.to_owned(), known });
        }
        let path = PathBuf::from(name_or_path);
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text, &path),
            Err(error) => Err(ChipError::File { path, reason: error.to_string() }),
        }
    }

    /// Reads the text of a file. Every key must be there, and no other one.
    ///
    /// # Errors
    /// [`ChipError::Invalid`], which names `path`.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ChipError> {
        let invalid = |reason: String| ChipError::Invalid { path: path.to_owned(), reason };
        let file: ChipFile =
            serde_path_to_error::deserialize(toml::Deserializer::new(text)).map_err(|e| invalid(told(&e)))?;
        let energy_pj_per_mac = check(&file).map_err(invalid)?;
        let spec = ChipSpec {
            engines: file.engines,
            tile: file.tile,
            image_buffer_bytes: file.image_buffer_bytes,
            weight_memory_bytes: file.weight_memory_bytes,
            clock_mhz: file.clock_mhz,
            energy_pj_per_mac,
        };
        Ok(Self { name: file.name, source: file.source, spec })
    }
}

/// The key and what is wrong with it, on one line.
fn told(error: &serde_path_to_error::Error<toml::de::Error>) -> String {
    let key = error.path();
    let reason = error.inner().message().trim_end();
    match key.iter().next() {
        None => reason.to_owned(),
        Some(_) => format!("{key}: {reason}"),
    }
}

/// Checks every value; the range of the energy.
fn check(file: &ChipFile) -> Result<[f64; 2], String> {
    for (key, text, most) in [("name", &file.name, 64), ("source", &file.source, 1000)] {
        let length = text.chars().count();
        if !(1..=most).contains(&length) || text.trim().is_empty() || text.chars().any(char::is_control) {
            return Err(format!("{key} has {length} characters; it must be one line of 1 to {most}, not all blank"));
        }
    }
    for (key, value, most) in [
        ("engines", file.engines, 1024),
        ("tile", file.tile, 256),
        ("image_buffer_bytes", file.image_buffer_bytes, MAX_MEMORY_BYTES),
        ("weight_memory_bytes", file.weight_memory_bytes, MAX_MEMORY_BYTES),
    ] {
        if !(1..=most).contains(&value) {
            return Err(format!("{key} is {value}; it must be 1 to {most}"));
        }
    }
    let [least, most] = file.energy_pj_per_mac[..] else {
        return Err(format!(
            "energy_pj_per_mac has {} values; it must have the least and the most",
            file.energy_pj_per_mac.len()
        ));
    };
    for (key, value, range) in [
        ("clock_mhz", file.clock_mhz, CLOCK_MHZ),
        ("energy_pj_per_mac", least, ENERGY_PJ),
        ("energy_pj_per_mac", most, ENERGY_PJ),
    ] {
        if !range.contains(&value) {
            return Err(format!("{key} is {value}; it must be {} to {}", range.start(), range.end()));
        }
    }
    if least > most {
        return Err(format!("energy_pj_per_mac is [{least}, {most}]; the first must not be above the second"));
    }
    Ok([least, most])
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT: &str = Chip::BUILT_IN[0].1;

    fn refused(text: &str) -> String {
        Chip::parse(text, Path::new("x.toml")).expect_err("must be refused").to_string()
    }

    /// The default file with the line of one key changed.
    fn with(key: &str, line: &str) -> String {
        let lines = DEFAULT.lines().map(|old| if old.starts_with(&format!("{key} = ")) { line } else { old });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_default_file_is_the_default_spec() {
        assert_eq!(Chip::load("default").expect("valid").spec, ChipSpec::default());
    }

    #[test]
    fn every_built_in_chip_has_the_name_it_is_chosen_by_and_every_file_is_built_in() {
        for (name, _) in Chip::BUILT_IN {
            assert_eq!(Chip::load(name).expect(name).name, name);
        }
        let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/chips")).expect("the folder");
        assert_eq!(folder.count(), Chip::BUILT_IN.len());
    }

    #[test]
    fn a_name_that_is_none_and_a_file_that_is_none_are_told_apart() {
        let text = Chip::load("defualt").expect_err("unknown").to_string();
        assert_eq!(
            text,
            "there is no chip \"defualt\"; built in are default, small, large, and a path holds a slash or ends in .toml"
        );
        for path in ["no-such-chip.toml", "/no/such/chip"] {
            let text = Chip::load(path).expect_err("no file").to_string();
            assert!(text.starts_with(&format!("cannot read the chip file {path}: ")), "{text}");
        }
    }

    #[test]
    fn a_key_too_many_a_key_too_few_and_a_wrong_type_are_refused_by_name() {
        assert!(refused(&format!("{DEFAULT}\nvoltage = 1\n")).contains("voltage"));
        assert!(refused(&with("tile", "")).contains("missing field `tile`"));
        let text = refused(&with("engines", "engines = \"many\""));
        assert!(text.starts_with("the chip file x.toml: engines: ") && text.contains("many"), "{text}");
        assert!(refused(&with("engines", "engines = -1")).contains("engines: "));
        assert!(refused(&with("engines", "engines = 1.5")).contains("engines: "));
        assert!(refused(&with("energy_pj_per_mac", "energy_pj_per_mac = [0.1]")).contains("energy_pj_per_mac"));
        assert!(refused(&with("energy_pj_per_mac", "energy_pj_per_mac = [1, 2, 3]")).contains("energy_pj_per_mac"));
        assert!(refused("name = ").starts_with("the chip file x.toml: "));
        assert!(refused("").contains("missing field"));
    }

    #[test]
    fn a_value_outside_its_range_is_refused_with_key_value_and_range() {
        for (key, line, expected) in [
            ("engines", "engines = 0", "engines is 0; it must be 1 to 1024"),
            ("tile", "tile = 257", "tile is 257; it must be 1 to 256"),
            ("image_buffer_bytes", "image_buffer_bytes = 0", "image_buffer_bytes is 0; it must be 1 to 4294967296"),
            (
                "weight_memory_bytes",
                "weight_memory_bytes = 4294967297",
                "weight_memory_bytes is 4294967297; it must be 1 to 4294967296",
            ),
            ("clock_mhz", "clock_mhz = 0", "clock_mhz is 0; it must be 0.001 to 100000"),
            ("clock_mhz", "clock_mhz = nan", "clock_mhz is NaN; it must be 0.001 to 100000"),
            ("clock_mhz", "clock_mhz = inf", "clock_mhz is inf; it must be 0.001 to 100000"),
            (
                "energy_pj_per_mac",
                "energy_pj_per_mac = [-1, 1]",
                "energy_pj_per_mac is -1; it must be 0.000001 to 1000000",
            ),
            (
                "energy_pj_per_mac",
                "energy_pj_per_mac = [2, 1]",
                "energy_pj_per_mac is [2, 1]; the first must not be above the second",
            ),
            ("name", "name = \" \"", "name has 1 characters; it must be one line of 1 to 64, not all blank"),
            ("source", "source = \"\"", "source has 0 characters; it must be one line of 1 to 1000, not all blank"),
        ] {
            assert_eq!(refused(&with(key, line)), format!("the chip file x.toml: {expected}"));
        }
    }

    #[test]
    fn whole_numbers_do_for_clock_and_energy() {
        let text = with("clock_mhz", "clock_mhz = 50").replace("[0.140, 0.215]", "[1, 1]");
        let spec = Chip::parse(&text, Path::new("x.toml")).expect("valid").spec;
        assert_eq!((spec.clock_mhz, spec.energy_pj_per_mac), (50.0, [1.0, 1.0]));
    }
}
