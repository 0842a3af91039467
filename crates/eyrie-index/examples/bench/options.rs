//! `--name value` pairs.

use std::collections::HashMap;
use std::str::FromStr;

pub(crate) struct Options {
    pub(crate) command: String,
    values: HashMap<String, String>,
}

impl Options {
    pub(crate) fn from_arguments() -> Self {
        let mut arguments = std::env::args().skip(1);
        let command = arguments.next().unwrap_or_default();
        let mut values = HashMap::new();
        while let Some(name) = arguments.next() {
            let name = name.strip_prefix("--").unwrap_or_else(|| panic!("{name:?} is no option")).to_owned();
            let value = arguments.next().unwrap_or_else(|| panic!("--{name} has no value"));
            values.insert(name, value);
        }
        Self { command, values }
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    pub(crate) fn number<T: FromStr>(&self, name: &str, default: T) -> T {
        self.text(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("--{name} {text} is no number")))
    }

    pub(crate) fn numbers(&self, name: &str, default: &[usize]) -> Vec<usize> {
        let parse = |text: &str| text.split(',').map(|n| n.parse().expect("a number")).collect();
        self.text(name).map_or(default.to_vec(), parse)
    }
}
