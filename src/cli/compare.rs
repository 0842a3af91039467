//! `eyrie compare`: two files, here without a database, or by a server.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use clap::Args;
use serde_json::{Value, json};

use crate::app::{self, StartError};
use crate::config::Config;
use crate::domain::Profile;
use eyrie_vision::Describer;
use eyrie_vision::compare::{Subject, VIEW_SIDE, compare, overlay};
use eyrie_vision::describe::{AsicExtractor, Extraction, Extractor as _, Request};
use eyrie_vision::local::{QUERY_FEATURES, Quad, STORED_FEATURES, Verdict};
use eyrie_vision::picture::{Decoded, encode_png, sniff, thumbnail_pixels};

use super::answers::{Compared, ComparedPicture, rounded};
use super::remote::{self, Client, ServerFlags};
use super::settings::Settings;
use eyrie_terminal::CliError;
use eyrie_terminal::output;

const EXAMPLES: &str = "\
Examples:
  eyrie compare original.jpg crop.jpg
  eyrie compare a.jpg b.jpg --overlay both.png       both side by side, a line for each spot that both show
  eyrie compare a.jpg b.jpg --json | jq -r .verdict  same, near_duplicate, similar or different
  eyrie compare a.jpg b.jpg --server http://127.0.0.1:8080    a server describes them, with its model

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
    server: ServerFlags,
    #[command(flatten)]
    settings: Settings,
}

/// One of the images.
struct Side<'a> {
    file: &'a Path,
    format: &'static str,
    picture: &'a ComparedPicture,
}

impl Compare {
    pub(super) fn run(self) -> Result<(), CliError> {
        let loaded = self.settings.load_quietly([])?;
        let server = self.server.connect(&self.settings)?;
        let images = [read(&self.a)?, read(&self.b)?];
        let (found, drawn) = match &server {
            Some(server) => app::runtime()?.block_on(self.ask(server, &images))?,
            None => self.look(&loaded.config, &images)?,
        };
        if let (Some(path), Some(png)) = (&self.overlay, drawn) {
            std::fs::write(path, png).map_err(|e| CliError::Failed(format!("cannot write {}: {e}", path.display())))?;
        }
        // Both sides were described, so that their format is known.
        let format = |bytes: &[u8]| sniff(bytes).map_or("image", |format| format.as_str());
        let a = Side { file: &self.a, format: format(&images[0]), picture: &found.a };
        let b = Side { file: &self.b, format: format(&images[1]), picture: &found.b };
        if self.json {
            return output::json(&as_json(&found, &a, &b));
        }
        output::results(|out| as_text(out, &found, &a, &b))
    }

    /// Compares them here; with the picture of the comparison, where it is asked for.
    fn look(&self, config: &Config, [a, b]: &[Bytes; 2]) -> Result<(Compared, Option<Vec<u8>>), CliError> {
        let describer = Describer::load(&config.extractor.describer).map_err(StartError::from)?;
        let mut extractor = describer.extractor();
        let a = self.describe(&mut extractor, &self.a, a, QUERY_FEATURES)?;
        let b = self.describe(&mut extractor, &self.b, b, STORED_FEATURES)?;
        let [of_a, of_b] = [&a, &b].map(pixels);
        let found =
            compare(subject(&a, of_a.as_ref()), subject(&b, of_b.as_ref()), describer.model.levels(self.profile));
        let drawn = match (&a.view, &b.view) {
            (Some(a), Some(b)) if self.overlay.is_some() => {
                Some(encode_png(&overlay(a, b, &found)).map_err(|e| CliError::Failed(e.to_string()))?)
            }
            _ => None,
        };
        let (a_in_b, b_in_a) = (found.outline_of_a((b.width, b.height)), found.outline_of_b((a.width, a.height)));
        let version = a.version.to_string();
        let picture = |described: Extraction, outline_in_other: Option<Quad>| ComparedPicture {
            width: described.width,
            height: described.height,
            cost: Some(rounded(described.cost)),
            outline_in_other,
        };
        let compared = Compared {
            score: found.score,
            verdict: found.verdict,
            verified: found.verification.map(|verification| verification.verified()),
            inliers: found.verification.map(|verification| verification.inliers),
            mirrored: found.verification.is_some_and(|verification| verification.mirrored),
            confidence: found.verification.and_then(|verification| verification.confidence()),
            a: picture(a, a_in_b),
            b: picture(b, b_in_a),
            version,
        };
        Ok((compared, drawn))
    }

    /// Has a server compare them.
    async fn ask(&self, server: &Client, [a, b]: &[Bytes; 2]) -> Result<(Compared, Option<Vec<u8>>), CliError> {
        let found = remote::compare(server, [a, b], self.profile, self.overlay.is_some()).await;
        let files = || format!("{} and {}", self.a.display(), self.b.display());
        let (compared, drawn) = found.map_err(|error| error.about(&files()))?;
        let undo = |url: String| {
            let text = url.strip_prefix("data:image/png;base64,").unwrap_or_default();
            STANDARD.decode(text).map_err(|e| CliError::Failed(format!("the drawing cannot be read: {e}")))
        };
        Ok((compared, drawn.map(undo).transpose()?))
    }

    fn describe(
        &self,
        extractor: &mut AsicExtractor,
        file: &Path,
        bytes: &[u8],
        features: usize,
    ) -> Result<Extraction, CliError> {
        let view = if self.overlay.is_some() { VIEW_SIDE } else { 0 };
        let request = Request { features, view, thumbnail: true, parts: true, ..Request::descriptor(self.profile) };
        extractor.extract(bytes, request).map_err(|e| CliError::Failed(format!("{}: {e}", file.display())))
    }
}

fn read(file: &Path) -> Result<Bytes, CliError> {
    let bytes = std::fs::read(file);
    bytes.map(Bytes::from).map_err(|e| CliError::Failed(format!("{}: cannot be read: {e}", file.display())))
}

fn pixels(described: &Extraction) -> Option<Decoded> {
    described.thumbnail.as_ref().and_then(|thumbnail| thumbnail_pixels(&thumbnail.bytes).ok())
}

fn subject<'a>(described: &'a Extraction, thumbnail: Option<&'a Decoded>) -> Subject<'a> {
    let Extraction { descriptor, parts, features, .. } = described;
    Subject { descriptor, parts, features: features.as_ref(), thumbnail }
}

fn as_json(found: &Compared, a: &Side<'_>, b: &Side<'_>) -> Value {
    let side = |side: &Side<'_>| {
        let mut value = json!({
            "file": side.file.display().to_string(),
            "width": side.picture.width,
            "height": side.picture.height,
            "cost": side.picture.cost,
        });
        if let Some(outline) = side.picture.outline_in_other {
            value["outline_in_other"] = json!(outline);
        }
        value
    };
    let mut value = json!({
        "score": found.score,
        "verdict": found.verdict,
        "a": side(a),
        "b": side(b),
        "version": found.version,
    });
    if let (Some(verified), Some(inliers)) = (found.verified, found.inliers) {
        value["verified"] = verified.into();
        value["inliers"] = inliers.into();
    }
    if let Some(confidence) = found.confidence {
        value["confidence"] = confidence.into();
    }
    if found.mirrored {
        value["mirrored"] = true.into();
    }
    value
}

fn as_text(out: &mut dyn Write, found: &Compared, a: &Side<'_>, b: &Side<'_>) -> io::Result<()> {
    for (name, side) in [("a", a), ("b", b)] {
        let (file, picture) = (side.file.display(), side.picture);
        writeln!(out, "{name}         {file}, {}x{} {}", picture.width, picture.height, side.format)?;
    }
    writeln!(out, "verdict   {}", found.verdict.as_str().replace('_', " "))?;
    writeln!(out, "score     {:.4}", found.score)?;
    if let (Some(verified), Some(inliers)) = (found.verified, found.inliers) {
        let close = found.verdict <= Verdict::NearDuplicate;
        let verified = match (verified, close, found.mirrored) {
            (true, true, false) => "they show the same thing",
            (true, true, true) => "they show the same thing, mirrored",
            (true, false, _) => "they have spots in common, as things of one kind may have",
            (false, ..) => "not enough to say so",
        };
        writeln!(out, "inliers   {inliers}, {verified}")?;
    }
    if let Some(confidence) = found.confidence {
        writeln!(out, "confident {confidence:.3}")?;
    }
    for (name, side) in [("a in b", a), ("b in a", b)] {
        if let Some(outline) = side.picture.outline_in_other {
            let corners = outline.map(|[x, y]| format!("{x},{y}"));
            writeln!(out, "{name}    {}", corners.join(" "))?;
        }
    }
    writeln!(out, "version   {}", found.version)
}
