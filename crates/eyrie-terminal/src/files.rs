//! Which files there are below the folders that a command was given.

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::error::CliError;

/// A file, or the reason why a place could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where it is.
    pub path: PathBuf,
    /// The path from the folder that was named; the file's name where a file was named. Parts are
    /// joined by `/`.
    pub relative: String,
    /// Why it cannot be read, for a folder that is closed or a link that leads in a circle.
    pub unreadable: Option<String>,
}

/// The files at or below `paths`: in the order given, below each in the order of names; the first
/// `limit` of them. Symbolic links are followed, except in circles.
///
/// # Errors
/// [`CliError::Usage`] when one of `paths` does not exist: that is a slip of the keyboard, not a
/// failed image.
pub fn find(paths: &[PathBuf], limit: Option<usize>) -> Result<Vec<Found>, CliError> {
    for path in paths {
        std::fs::metadata(path).map_err(|e| CliError::Usage(format!("cannot read {}: {e}", path.display())))?;
    }
    let found = paths.iter().flat_map(|root| {
        WalkDir::new(root).follow_links(true).sort_by_file_name().into_iter().filter_map(|entry| match entry {
            Ok(entry) if entry.file_type().is_file() => {
                Some(Found { relative: relative(root, entry.path()), path: entry.into_path(), unreadable: None })
            }
            Ok(_) => None,
            Err(error) => {
                let path = error.path().unwrap_or(root).to_owned();
                let reason = match (error.loop_ancestor(), error.io_error()) {
                    (Some(_), _) => "the link leads in a circle".to_owned(),
                    (None, Some(io)) => io.to_string(),
                    (None, None) => error.to_string(),
                };
                Some(Found { relative: relative(root, &path), path, unreadable: Some(reason) })
            }
        })
    });
    Ok(found.take(limit.unwrap_or(usize::MAX)).collect())
}

fn relative(root: &Path, path: &Path) -> String {
    let below = path.strip_prefix(root).ok().filter(|p| !p.as_os_str().is_empty());
    let shown = below.or_else(|| path.file_name().map(Path::new)).unwrap_or(path);
    shown.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(found: &[Found]) -> Vec<&str> {
        found.iter().map(|f| f.relative.as_str()).collect()
    }

    #[test]
    fn files_come_in_the_order_of_names_from_all_depths() {
        let dir = tempfile::tempdir().expect("folder");
        for name in ["b.jpg", "a/2.jpg", "a/1.jpg", "c/d/e.png"] {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().expect("parent")).expect("folder");
            std::fs::write(path, "x").expect("file");
        }
        let found = find(&[dir.path().to_owned()], None).expect("readable");
        assert_eq!(names(&found), ["a/1.jpg", "a/2.jpg", "b.jpg", "c/d/e.png"]);
        assert_eq!(names(&find(&[dir.path().to_owned()], Some(2)).expect("readable")), ["a/1.jpg", "a/2.jpg"]);
        assert_eq!(names(&find(&[dir.path().join("a/2.jpg")], None).expect("readable")), ["2.jpg"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_a_circle_is_reported_once_and_not_followed() {
        let dir = tempfile::tempdir().expect("folder");
        std::fs::create_dir(dir.path().join("a")).expect("folder");
        std::fs::write(dir.path().join("a/1.jpg"), "x").expect("file");
        std::os::unix::fs::symlink(dir.path(), dir.path().join("a/up")).expect("link");
        let found = find(&[dir.path().to_owned()], None).expect("readable");
        assert_eq!(names(&found), ["a/1.jpg", "a/up"]);
        assert_eq!(found[1].unreadable.as_deref(), Some("the link leads in a circle"));
    }

    #[test]
    fn a_folder_that_does_not_exist_is_wrong_usage() {
        let error = find(&[PathBuf::from("/no/such/folder")], None).expect_err("missing");
        assert!(matches!(error, CliError::Usage(text) if text.starts_with("cannot read /no/such/folder: ")));
    }
}
