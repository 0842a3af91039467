//! The layer table of docs/ARCHITECTURE.md, kept.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

struct Rule {
    ours: Vec<String>,
    never: Vec<String>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn list(cell: &str) -> Vec<String> {
    cell.split(',').map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned).collect()
}

fn table() -> BTreeMap<String, Rule> {
    let text = fs::read_to_string(root().join("docs/ARCHITECTURE.md")).expect("docs/ARCHITECTURE.md");
    text.lines()
        .skip_while(|line| !line.starts_with("| module |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            assert_eq!(cells.len(), 3, "{line}");
            (cells[0].to_owned(), Rule { ours: list(cells[1]), never: list(cells[2]) })
        })
        .collect()
}

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("readable folder") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// The sources of the library with the module each belongs to, comments and test modules' own dependencies included.
fn modules() -> Vec<(String, PathBuf, String)> {
    let src = root().join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    files
        .into_iter()
        .filter_map(|path| {
            let relative = path.strip_prefix(&src).expect("below src");
            let first = relative.iter().next()?.to_str()?.trim_end_matches(".rs").to_owned();
            let text = fs::read_to_string(&path).expect("readable source");
            (first != "main" && first != "lib").then(|| (first, path.clone(), code_of(&text)))
        })
        .collect()
}

/// A source without its line comments.
fn code_of(text: &str) -> String {
    text.lines()
        .map(|line| match line.trim_start().starts_with("//") {
            true => "",
            false => line,
        })
        .collect::<Vec<_>>()
        .join("\n")
}

/// The modules that a source names after `crate::`, alone or in braces.
fn imports(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let preceded = code[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_');
        let rest = &code[at + "crate::".len()..];
        if preceded {
            continue;
        }
        if let Some(group) = rest.strip_prefix('{') {
            panic!("name one module a `use crate::` line, not a group: use crate::{{{}", &group[..group.len().min(40)]);
        }
        found.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
    }
    found
}

fn names_crate(code: &str, name: &str) -> bool {
    [format!("use {name}::"), format!(" {name}::"), format!("({name}::"), format!("<{name}::"), format!("&{name}::")]
        .iter()
        .any(|pattern| code.contains(pattern.as_str()))
}

#[test]
fn every_module_has_a_row_and_every_row_a_module() {
    let lib = fs::read_to_string(root().join("src/lib.rs")).expect("src/lib.rs");
    let mut declared: Vec<&str> =
        lib.lines().filter_map(|l| l.strip_prefix("pub mod ")).map(|l| l.trim_end_matches(';')).collect();
    declared.sort_unstable();
    assert_eq!(table().keys().map(String::as_str).collect::<Vec<_>>(), declared);
}

#[test]
fn imports_point_downwards_only() {
    let table = table();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (module, path, code) in modules() {
        let rule = table.get(&module).unwrap_or_else(|| panic!("{module} has no row"));
        for import in imports(&code) {
            seen += 1;
            if import != module && table.contains_key(&import) && !rule.ours.contains(&import) {
                wrong.push(format!("{}: {module} may not import {import}", path.display()));
            }
        }
        for name in &rule.never {
            if names_crate(&code, name) {
                wrong.push(format!("{}: {module} may not name the crate {name}", path.display()));
            }
        }
    }
    assert!(seen > 20, "only {seen} imports were found: the reader is broken");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_graph_crate_and_unsafe_code_stay_in_their_files() {
    for (_, path, code) in modules() {
        let shown = path.display().to_string();
        if names_crate(&code, "hnsw_rs") {
            assert!(shown.contains("src/search/index/hnsw"), "{shown} names hnsw_rs");
        }
        if code.contains("unsafe {") || code.contains("unsafe fn") {
            assert!(shown.contains("crates/eyrie-chip/src/kernels/"), "{shown} has unsafe code");
        }
    }
}
