//! The layers of docs/ARCHITECTURE.md, kept: which module may import which, and no circle between
//! files.
//!
//! Crates cannot import each other in a circle; what they do not enforce is read from the sources
//! here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A row of the table of modules.
struct Rule {
    ours: Vec<String>,
    never: Vec<String>,
}

/// A source file of a crate.
struct Source {
    path: PathBuf,
    /// Its module: empty for the crate's root, `["http", "error"]` for `src/http/error.rs`.
    module: Vec<String>,
    /// The text without line comments and test modules.
    code: String,
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

fn rust_files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("readable folder") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// The sources below `src`; files and folders of tests are left out.
fn sources(src: &Path) -> Vec<Source> {
    let mut files = Vec::new();
    rust_files(src, &mut files);
    files.sort();
    let source = |path: PathBuf| {
        let relative = path.strip_prefix(src).expect("below src").with_extension("");
        let mut module: Vec<String> = relative.iter().map(|part| part.to_str().expect("UTF-8").to_owned()).collect();
        if module.iter().any(|part| part == "tests" || part.ends_with("_tests")) {
            return None;
        }
        if module.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
            module.pop();
        }
        let code = code_of(&fs::read_to_string(&path).expect("readable source"));
        (path.file_name().is_some_and(|name| name != "main.rs")).then_some(Source { path, module, code })
    };
    files.into_iter().filter_map(source).collect()
}

/// A source without its line comments and without what follows `mod tests {`, which every file has
/// last.
fn code_of(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    let lines = text.lines().map(|line| if line.trim_start().starts_with("//") { "" } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

/// The statements `use ...;` of a source, each as whether it is public, and its paths with braces
/// spelt out.
fn uses(code: &str) -> Vec<(bool, Vec<String>)> {
    let mut found = Vec::new();
    let mut statement = String::new();
    for line in code.lines().map(str::trim) {
        let starts = ["use ", "pub use ", "pub(crate) use ", "pub(super) use "].iter().any(|s| line.starts_with(s));
        if statement.is_empty() && !starts {
            continue;
        }
        statement.push_str(line);
        if line.ends_with(';') {
            let (before, paths) = statement.split_once("use ").expect("a use statement");
            let mut spelt = Vec::new();
            expand("", &paths.trim_end_matches(';').replace(' ', ""), &mut spelt);
            found.push((before.starts_with("pub"), spelt));
            statement.clear();
        }
    }
    found
}

/// Spells `a::{b, c::{d}}` out as `a::b` and `a::c::d`. Spaces are gone, so `as` names are cut off
/// with them.
fn expand(prefix: &str, text: &str, found: &mut Vec<String>) {
    let Some((head, rest)) = text.split_once('{') else {
        found.push(format!("{prefix}{text}"));
        return;
    };
    let inner = rest.strip_suffix('}').expect("a closed brace");
    let (mut depth, mut start) = (0, 0);
    for (at, c) in inner.char_indices().chain([(inner.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                if at > start {
                    expand(&format!("{prefix}{head}"), &inner[start..at], found);
                }
                start = at + 1;
            }
            _ => {}
        }
    }
}

/// Paths that begin with `crate::` or `super::` anywhere in the code: types named in full.
fn inline_paths(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for start in ["crate::", "super::"] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':' || c == '(') {
                continue;
            }
            let path: String =
                code[at..].chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ':').collect();
            found.push(path.trim_end_matches(':').to_owned());
        }
    }
    found
}

/// The files of one crate and what they import of each other.
struct Crate {
    sources: Vec<Source>,
    by_module: BTreeMap<Vec<String>, usize>,
    /// For each file, the names that it hands on and where they come from.
    reexports: Vec<BTreeMap<String, Vec<String>>>,
}

impl Crate {
    fn read(src: &Path) -> Self {
        let sources = sources(src);
        let by_module = sources.iter().enumerate().map(|(at, s)| (s.module.clone(), at)).collect();
        let mut read = Self { sources, by_module, reexports: Vec::new() };
        read.reexports = read.sources.iter().map(|source| read.handed_on(source)).collect();
        read
    }

    fn handed_on(&self, source: &Source) -> BTreeMap<String, Vec<String>> {
        let public = uses(&source.code).into_iter().filter(|(public, _)| *public).flat_map(|(_, paths)| paths);
        let named = public.filter_map(|path| {
            let absolute = self.absolute(source, &path)?;
            Some((absolute.last()?.clone(), absolute))
        });
        named.collect()
    }

    /// A path from the crate's root; `None` for one that leads out of the crate.
    fn absolute(&self, source: &Source, path: &str) -> Option<Vec<String>> {
        let mut parts = path.split("::").map(str::to_owned).collect::<Vec<_>>();
        let first = parts.first()?.clone();
        let mut base = match first.as_str() {
            "crate" => Vec::new(),
            "self" => source.module.clone(),
            "super" => source.module.split_last()?.1.to_vec(),
            _ => {
                // A module declared in this file.
                let mut child = source.module.clone();
                child.push(first);
                return self.by_module.contains_key(&child).then(|| {
                    let mut absolute = source.module.clone();
                    absolute.append(&mut parts);
                    absolute
                });
            }
        };
        parts.remove(0);
        while parts.first().is_some_and(|part| part == "super") {
            base.pop();
            parts.remove(0);
        }
        base.append(&mut parts);
        Some(base)
    }

    /// The file that defines what a path names: re-exports are followed.
    fn file_of(&self, path: &[String], depth: usize) -> Option<usize> {
        let length = (0..=path.len()).rev().find(|n| self.by_module.contains_key(&path[..*n]))?;
        let file = self.by_module[&path[..length]];
        match path.get(length).and_then(|name| self.reexports[file].get(name)) {
            Some(further) if depth > 0 && further != path => self.file_of(further, depth - 1),
            Some(_) | None => Some(file),
        }
    }

    /// The paths of this crate that a file names, from the crate's root; those that it only hands
    /// on are left out.
    fn named(&self, source: &Source) -> impl Iterator<Item = Vec<String>> {
        let private = uses(&source.code).into_iter().filter(|(public, _)| !*public).flat_map(|(_, paths)| paths);
        let paths = private.chain(inline_paths(&source.code));
        paths.filter_map(|path| self.absolute(source, &path)).collect::<Vec<_>>().into_iter()
    }

    /// What each file imports of the others. A file that only hands names on imports nothing.
    fn imports(&self) -> Vec<BTreeSet<usize>> {
        let of = |(at, source): (usize, &Source)| {
            self.named(source).filter_map(|path| self.file_of(&path, 8)).filter(|file| *file != at).collect()
        };
        self.sources.iter().enumerate().map(of).collect()
    }
}

/// The files that can be reached from themselves, by way of what they import.
fn circles(imports: &[BTreeSet<usize>]) -> Vec<usize> {
    let reaches = |from: usize| {
        let mut seen = BTreeSet::new();
        let mut next: Vec<usize> = imports[from].iter().copied().collect();
        while let Some(at) = next.pop() {
            if seen.insert(at) {
                next.extend(&imports[at]);
            }
        }
        seen
    };
    (0..imports.len()).filter(|at| reaches(*at).contains(at)).collect()
}

fn crates() -> Vec<PathBuf> {
    let folders = fs::read_dir(root().join("crates")).expect("crates/");
    let mut all: Vec<PathBuf> = folders.map(|entry| entry.expect("entry").path().join("src")).collect();
    all.push(root().join("src"));
    all.sort();
    all
}

fn names_crate(code: &str, name: &str) -> bool {
    [format!("use {name}::"), format!(" {name}::"), format!("({name}::"), format!("<{name}::"), format!("&{name}::")]
        .iter()
        .any(|pattern| code.contains(pattern.as_str()))
}

#[test]
fn no_files_of_a_crate_import_each_other_in_a_circle() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for src in crates() {
        let read = Crate::read(&src);
        let imports = read.imports();
        seen += imports.iter().map(BTreeSet::len).sum::<usize>();
        let inside: BTreeSet<usize> = circles(&imports).into_iter().collect();
        for at in &inside {
            for to in imports[*at].intersection(&inside) {
                let shown = |file: usize| read.sources[file].path.strip_prefix(root()).expect("ours").display();
                wrong.push(format!("{} -> {}", shown(*at), shown(*to)));
            }
        }
    }
    assert!(seen > 200, "only {seen} imports were found: the reader is broken");
    assert!(wrong.is_empty(), "files in circles:\n{}", wrong.join("\n"));
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
    let read = Crate::read(&root().join("src"));
    let mut wrong = Vec::new();
    for source in &read.sources {
        let Some(module) = source.module.first() else { continue };
        let rule = table.get(module).unwrap_or_else(|| panic!("{module} has no row"));
        for other in read.named(source).filter_map(|path| path.into_iter().next()) {
            if table.contains_key(&other) && other != *module && !rule.ours.contains(&other) {
                wrong.push(format!("{}: {module} may not import {other}", source.path.display()));
            }
        }
        for name in rule.never.iter().filter(|name| names_crate(&source.code, name)) {
            wrong.push(format!("{}: {module} may not name the crate {name}", source.path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_graph_crate_and_unsafe_code_stay_in_their_files() {
    for source in crates().iter().flat_map(|src| sources(src)) {
        let shown = source.path.display().to_string();
        if names_crate(&source.code, "hnsw_rs") {
            assert!(shown.contains("src/search/index/hnsw"), "{shown} names hnsw_rs");
        }
        if source.code.contains("unsafe {") || source.code.contains("unsafe fn") {
            let kernels = ["crates/eyrie-chip/src/kernels/", "crates/eyrie-index/src/kernels/"];
            assert!(kernels.iter().any(|folder| shown.contains(folder)), "{shown} has unsafe code");
        }
    }
}
