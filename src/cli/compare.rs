//! `eyrie compare`: two files, without a database.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use crate::app::StartError;
use crate::domain::Profile;
use eyrie_vision::Describer;
use eyrie_vision::compare::{Comparison, Subject, VIEW_SIDE, compare, overlay};
use eyrie_vision::describe::{AsicExtractor, Extraction, Extractor as _, Request};
use eyrie_vision::local::{QUERY_FEATURES, Quad, STORED_FEATURES};
use eyrie_vision::picture::encode_png;

use super::settings::Settings;
use eyrie_terminal::CliError;
use eyrie_terminal::output;

const EXAMPLES: &str = "\
Examples:
  eyrie compare original.jpg crop.jpg
  eyrie compare a.jpg b.jpg --overlay both.png       both side by side, a line for each spot that both show
  eyrie compare a.jpg b.jpg --json | jq -r .verdict  same, near_duplicate, similar or different

The first image takes the place of a search's query and the second one that of a stored image, so that score and verdict are \
those of a search. The exit code is 0 whatever the verdict. No database is opened.";

/// Compare two images: score, verdict, and where each lies in the other
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Compare {
    /// The first image
    #[arg(value_name = "A")]
    a: PathBuf,
    /// The second image
    #[arg(value_name = "B")]
    b: PathBuf,
    /// fast (one pass through the network), nip (four) or rnip (10 for a 4:3 image, up to 14)
    #[arg(long, value_name = "PROFILE", default_value_t = Profile::Rnip)]
    profile: Profile,
    /// Write both images side by side to this PNG, with outlines and a line for each spot that both
    /// show
    #[arg(long, value_name = "PNG")]
    overlay: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

/// One of the images.
struct Side<'a> {
    file: &'a Path,
    described: Extraction,
    /// Its outline in pixels of the other one.
    outline: Option<Quad>,
}

impl Compare {
    pub(super) fn run(self) -> Result<(), CliError> {
        let loaded = self.settings.load_quietly([])?;
        let describer = Describer::load(&loaded.config.extractor.describer).map_err(StartError::from)?;
        let mut extractor = describer.extractor();
        let a = self.describe(&mut extractor, &self.a, QUERY_FEATURES)?;
        let b = self.describe(&mut extractor, &self.b, STORED_FEATURES)?;
        let found = compare(subject(&a), subject(&b), describer.model.levels(self.profile));
        if let (Some(path), Some(a), Some(b)) = (&self.overlay, &a.view, &b.view) {
            let png = encode_png(&overlay(a, b, &found)).map_err(|e| CliError::Failed(e.to_string()))?;
            std::fs::write(path, png).map_err(|e| CliError::Failed(format!("cannot write {}: {e}", path.display())))?;
        }
        let (a_in_b, b_in_a) = (found.outline_of_a((b.width, b.height)), found.outline_of_b((a.width, a.height)));
        let a = Side { file: &self.a, described: a, outline: a_in_b };
        let b = Side { file: &self.b, described: b, outline: b_in_a };
        if self.json {
            return output::json(&as_json(&found, &a, &b));
        }
        output::results(|out| as_text(out, &found, &a, &b))
    }

    fn describe(&self, extractor: &mut AsicExtractor, file: &Path, features: usize) -> Result<Extraction, CliError> {
        let failed = |reason: String| CliError::Failed(format!("{}: {reason}", file.display()));
        let bytes = std::fs::read(file).map_err(|e| failed(format!("cannot be read: {e}")))?;
        let view = if self.overlay.is_some() { VIEW_SIDE } else { 0 };
        let request = Request { features, view, ..Request::descriptor(self.profile) };
        extractor.extract(&bytes, request).map_err(|e| failed(e.to_string()))
    }
}

fn subject(described: &Extraction) -> Subject<'_> {
    Subject { descriptor: &described.descriptor, features: described.features.as_ref() }
}

fn as_json(found: &Comparison, a: &Side<'_>, b: &Side<'_>) -> Value {
    let side = |side: &Side<'_>| {
        let mut value = json!({
            "file": side.file.display().to_string(),
            "width": side.described.width,
            "height": side.described.height,
            "cost": side.described.cost,
        });
        if let Some(outline) = side.outline {
            value["outline_in_other"] = json!(outline);
        }
        value
    };
    let mut value = json!({
        "score": found.score,
        "verdict": found.verdict,
        "a": side(a),
        "b": side(b),
        "version": a.described.version.to_string(),
    });
    if let Some(verification) = found.verification {
        value["verified"] = verification.verified().into();
        value["inliers"] = verification.inliers.into();
    }
    value
}

fn as_text(out: &mut dyn Write, found: &Comparison, a: &Side<'_>, b: &Side<'_>) -> io::Result<()> {
    for (name, side) in [("a", a), ("b", b)] {
        let described = &side.described;
        let (file, format) = (side.file.display(), described.format.as_str());
        writeln!(out, "{name}         {file}, {}x{} {format}", described.width, described.height)?;
    }
    writeln!(out, "verdict   {}", found.verdict.as_str().replace('_', " "))?;
    writeln!(out, "score     {:.4}", found.score)?;
    if let Some(verification) = found.verification {
        let verified = if verification.verified() { "they show the same thing" } else { "not enough to say so" };
        writeln!(out, "inliers   {}, {verified}", verification.inliers)?;
    }
    for (name, side) in [("a in b", a), ("b in a", b)] {
        if let Some(outline) = side.outline {
            let corners = outline.map(|[x, y]| format!("{x},{y}"));
            writeln!(out, "{name}    {}", corners.join(" "))?;
        }
    }
    writeln!(out, "version   {}", a.described.version)
}
