//! `eyrie whiten`, and how the whitenings of a model are learned.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use rayon::prelude::*;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::records::Key;
use super::vectors::{VectorCache, Vectors};
use crate::quantize::{Picture, discriminative_whitening, pca_whitening, synthetic_view};
use eyrie_chip::{Kernels, ModelFile, NetworkParams, Team, Whitening, fingerprint};
use eyrie_vision::describe::{
    AsicExtractor, Descriptor, Level, Model, Profile, Projections, Whitener, combine, flattened, likeness, looks,
    of_level, parts,
};
use eyrie_vision::local::Levels;
use eyrie_vision::picture::{DecodeLimits, Decoded, INPUT_SIDE, decode, encode_jpeg};

use eyrie_terminal::CliError;
use eyrie_terminal::Progress;
use eyrie_terminal::files;
use eyrie_terminal::output::{self, grouped};

const EXAMPLES: &str = "\
Examples:
  eyrie whiten --images calibration/ --out model.eyrie
  eyrie whiten --images calibration/ --out model.eyrie --vectors vectors.bin --middle-dimensions 256
  EYRIE_EXTRACTOR__MODEL=model.eyrie eyrie serve

A whitening turns what the network gives for a part of a picture into values of a descriptor: it takes away what most parts \
of most pictures have in common. It is learned from the parts of each image and of synthetic photographs of it (in \
perspective, in other light, blurred, before another picture). A second one, for the whole picture, makes small what differs between \
an image and its photographs. Labels are not needed. Pictures that are stored already must be \
described again with the new model (`eyrie import`).";

/// What a calibration image may be; these are files that the user chose.
pub(super) const LIMITS: DecodeLimits = DecodeLimits { max_pixels: 200_000_000, max_aspect_ratio: 1000 };

/// How whitenings are learned.
#[derive(Debug, Clone, Args)]
pub(super) struct Learning {
    /// Images that the whitening is learned from, spread evenly over the images of the folder
    #[arg(long, value_name = "N", default_value_t = 700)]
    whitening_images: usize,
    /// Synthetic photographs of each of them, from which it learns as well
    #[arg(long, value_name = "N", default_value_t = 1)]
    views: usize,
    /// What is added to the variance along every axis, as a part of the mean variance: more trusts
    /// weak axes less; above 0
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    shrinkage: f64,
    /// How far the differences between an image and its views are taken to be alike along all axes:
    /// above 0; at 1 the discriminative whitening changes no score
    #[arg(long, value_name = "SHARE", default_value_t = 0.5)]
    discriminant_shrinkage: f64,
    /// Values of a descriptor that come from the middle map of the network (pool4)
    #[arg(long, value_name = "N", default_value_t = 512)]
    middle_dimensions: usize,
    /// Values of a descriptor that come from the last map of the network (pool5)
    #[arg(long, value_name = "N", default_value_t = 256)]
    last_dimensions: usize,
    /// Keep the outputs of the network in this file; what it holds of these images already is not
    /// computed again
    #[arg(long, value_name = "FILE")]
    vectors: Option<PathBuf>,
}

/// Learn the whitening of a model anew: what turns the network's output into descriptors
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Whiten {
    /// The model whose network is kept [default: the one that is built in]
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Folder of varied photographs
    #[arg(long, value_name = "DIR")]
    images: PathBuf,
    /// The model file to write; it is written beside its place first and then put there in one step
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    learning: Learning,
}

impl Whiten {
    /// Runs it.
    ///
    /// # Errors
    /// [`CliError`].
    pub fn run(self) -> Result<(), CliError> {
        let bytes = match &self.model {
            Some(path) => read(path)?,
            None => Model::embedded_file().to_vec(),
        };
        let ModelFile { network, card, .. } = ModelFile::decode(&bytes).map_err(failed)?;
        let mut card: Value = serde_json::from_str(&card).map_err(|e| failed(format!("the model's card: {e}")))?;
        let found = files::find(std::slice::from_ref(&self.images), None)?;
        let paths: Vec<&Path> = found.iter().map(|file| file.path.as_path()).collect();
        let Learned { whitenings, levels } = self.learning.learn(&network, &paths)?;
        self.learning.note_in(&mut card, paths.len(), levels);
        let file = write_model(&self.out, network, whitenings, &card)?;
        let model = Model::from_bytes(&file).map_err(failed)?;
        output::results(|out| {
            let (path, bytes) = (self.out.display(), grouped(file.len() as u64));
            writeln!(out, "{path}: {bytes} bytes, fingerprint {}", model.fingerprint())
        })
    }
}

/// What is learned.
pub(super) struct Learned {
    /// From the network's maps to descriptors.
    pub whitenings: Vec<Whitening>,
    /// What scores mean ([`Levels`]), by the name of the profile.
    pub levels: Map<String, Value>,
}

/// What the network gives for an image or for a view of it.
#[derive(Debug, Clone)]
struct Seen {
    /// The passes of the profile `rnip`.
    passes: Vectors,
    /// Those of its details.
    details: Vectors,
}

/// Sees images, or remembers what they gave.
struct Eye {
    cache: VectorCache,
    model: Arc<Model>,
}

impl Eye {
    /// What the network gives for an image that `pixels` makes, where it is not known yet, out of
    /// the files of these hashes.
    fn see(
        &self,
        extractor: &mut AsicExtractor,
        made_of: &str,
        pixels: impl FnOnce() -> Result<Decoded, CliError>,
    ) -> Result<Seen, CliError> {
        let key =
            |part: &str| -> Key { Sha256::digest(format!("{}/{made_of}/{part}", self.model.fingerprint())).into() };
        let keys = [key("passes"), key("details")];
        if let [Some(passes), Some(details)] = keys.map(|key| self.cache.get(&key)) {
            return Ok(Seen { passes, details });
        }
        let image = pixels()?;
        let passes = extractor.pooled(&image, Profile::Rnip).map_err(failed)?;
        let details = extractor.details(&image).map_err(failed)?;
        Ok(Seen { passes: self.cache.put(keys[0], passes)?, details: self.cache.put(keys[1], details)? })
    }
}

/// An image and its views.
type Views = Vec<Seen>;

impl Learning {
    /// One whitening and the levels of each profile, learned from some of the images at `paths`.
    /// The same images give the same bytes.
    ///
    /// # Errors
    /// [`CliError::Failed`] when an image cannot be described or there are too few of them.
    pub(super) fn learn(&self, network: &NetworkParams, paths: &[&Path]) -> Result<Learned, CliError> {
        let unwhitened = ModelFile { network: network.clone(), whitenings: Vec::new(), card: "{}".to_owned() }.encode();
        let model = Arc::new(Model::from_bytes(&unwhitened).map_err(failed)?);
        let paths = spread(paths, self.whitening_images);
        self.check(paths.len())?;
        let described = self.described(&model, &paths)?;
        let progress = Progress::start("learning the whitenings", 1 + Profile::ALL.len());
        let whitenings = self.whitenings(&described)?;
        progress.step();
        let mut levels = Map::new();
        let halves = [0, 1].map(|parity| described.iter().skip(parity).step_by(2).cloned().collect::<Vec<Views>>());
        let of_halves = [self.whitenings(&halves[0])?, self.whitenings(&halves[1])?];
        for profile in Profile::ALL {
            levels.insert(profile.to_string(), json!(learn_levels(&halves, &of_halves, profile)?));
            progress.step();
        }
        progress.end();
        Ok(Learned { whitenings, levels })
    }

    /// Two whitenings for each map. The first is the principal component analysis of the details of
    /// the images and of their views: learned from larger parts, or from whole images, it ranks
    /// worse even for these. The second, discriminative, tells each image and its views, as every
    /// profile describes them, from the others.
    fn whitenings(&self, described: &[Views]) -> Result<Vec<Whitening>, CliError> {
        let mut whitenings = Vec::new();
        for (level, dimensions) in Level::ALL.into_iter().zip([self.middle_dimensions, self.last_dimensions]) {
            let details = described.iter().flatten().flat_map(|seen| seen.details.iter());
            let vectors: Vec<Vec<f32>> = details.map(|part| flattened(part.of(level).to_vec())).collect();
            let whitening = pca_whitening(level.name(), &vectors, dimensions, self.shrinkage).map_err(failed)?;
            let whitener = Whitener::new(&whitening);
            let mut groups: Vec<Vec<Vec<f32>>> = Vec::new();
            for profile in Profile::ALL {
                let vector = |seen: &Seen| of_level(&seen.passes, profile, level, Some(&whitener));
                groups.par_extend(described.par_iter().map(|views| views.iter().map(vector).collect()));
            }
            let name = level.discriminant_name();
            let discriminant = discriminative_whitening(name, &groups, self.discriminant_shrinkage).map_err(failed)?;
            whitenings.extend([whitening, discriminant]);
        }
        Ok(whitenings)
    }

    /// What would be refused after the passes is refused before them.
    fn check(&self, images: usize) -> Result<(), CliError> {
        if !(self.shrinkage > 0.0 && self.shrinkage.is_finite()) {
            return Err(failed(format!("a shrinkage of {} is not above 0", self.shrinkage)));
        }
        if !(self.discriminant_shrinkage > 0.0 && self.discriminant_shrinkage <= 1.0) {
            let shrinkage = self.discriminant_shrinkage;
            return Err(failed(format!("a discriminant shrinkage of {shrinkage} is not above 0 and at most 1")));
        }
        if self.views == 0 {
            return Err(failed("without a view of each image there is nothing to tell it by"));
        }
        if let Some(wrong) = [self.middle_dimensions, self.last_dimensions].iter().find(|n| !(1..=512).contains(*n)) {
            return Err(failed(format!("{wrong} dimensions of 512")));
        }
        if images < LEAST_IMAGES {
            let noun = if images == 1 { "image is" } else { "images are" };
            return Err(failed(format!("{images} {noun} too few, {LEAST_IMAGES} are the least")));
        }
        Ok(())
    }

    /// Puts what the whitening was learned from into a model's card.
    pub(super) fn note_in(&self, card: &mut Value, images: usize, levels: Map<String, Value>) {
        card["whitening_images"] = json!(self.whitening_images.min(images));
        card["whitening_views"] = json!(self.views);
        card["whitening_shrinkage"] = json!(self.shrinkage);
        card["discriminant_shrinkage"] = json!(self.discriminant_shrinkage);
        card["dimensions"] = json!([self.middle_dimensions, self.last_dimensions]);
        card["levels"] = Value::Object(levels);
    }

    fn described(&self, model: &Arc<Model>, paths: &[&Path]) -> Result<Vec<Views>, CliError> {
        let shape = model.network();
        let lengths = [shape.middle_shape(INPUT_SIDE, INPUT_SIDE), Some(shape.output_shape(INPUT_SIDE, INPUT_SIDE))]
            .map(|shape| shape.map_or(0, |(_, _, channels)| channels));
        let eye = Eye { cache: VectorCache::open(self.vectors.as_deref(), lengths)?, model: Arc::clone(model) };
        let progress = Progress::start("describing for the whitening", paths.len());
        // One thread an image: the sums of a map are exact, so neither threads nor order change a
        // vector.
        let extractor = || AsicExtractor::new(Arc::clone(model), Kernels::detect(), Arc::new(Team::ALONE), LIMITS);
        let described = paths
            .par_iter()
            .enumerate()
            .map_init(extractor, |extractor, (number, path)| {
                let file = read(path)?;
                let mut views = vec![eye.see(extractor, &fingerprint(&file), || pixels(&file))?];
                for view in 0..self.views {
                    // Each view has another picture behind it.
                    let behind = read(paths[(number + 1 + view) % paths.len()])?;
                    let seed = (number * self.views + view) as u64;
                    let made_of = format!("{}/{}/{seed}", fingerprint(&file), fingerprint(&behind));
                    let photo = || photograph(&picture(pixels(&file)?), &picture(pixels(&behind)?), seed);
                    views.push(eye.see(extractor, &made_of, photo)?);
                }
                progress.step();
                Ok(views)
            })
            .collect();
        progress.end();
        described
    }
}

/// So many images that each of two halves has one and one of them two different ones.
const LEAST_IMAGES: usize = 3;

/// One in so many pairs of different images reaches the level of `similar`.
const SIMILAR_ONE_IN: usize = 1_000;

/// One in so many reaches the score above which the level of `near_duplicate` lies. Not the highest
/// of all: a folder of photographs can hold the same one twice.
const NEAR_DUPLICATE_ONE_IN: usize = 100_000;

/// The part of the way from that score to 1 that the level lies above it.
const NEAR_DUPLICATE_MARGIN: f32 = 0.25;

/// What scores mean: from the scores of all pairs of different images (their views included, each
/// once as the query) with whitenings that have not seen them, learned on the other half of the
/// images.
fn learn_levels(
    halves: &[Vec<Views>; 2],
    whitenings: &[Vec<Whitening>; 2],
    profile: Profile,
) -> Result<Levels, CliError> {
    let mut wrong: Vec<f32> = Vec::new();
    for (seen, learned) in halves.iter().zip(whitenings.iter().rev()) {
        let projections = Level::ALL.map(|level| Projections::of(level, learned));
        let descriptor = |vector: Vec<f32>| {
            let values = vector.len();
            Descriptor::new(vector, values).map_err(failed)
        };
        // As a query: its looks, the first of which is its descriptor.
        let describe = |seen: &Seen| {
            let whole = descriptor(combine(&seen.passes, profile, &projections))?;
            let parts = if profile == Profile::Rnip { parts(&seen.passes, &projections) } else { Vec::new() };
            let parts: Vec<Descriptor> = parts.into_iter().map(descriptor).collect::<Result<_, CliError>>()?;
            Ok(looks(&whole, &parts))
        };
        let described: Vec<Vec<Vec<Descriptor>>> =
            seen.par_iter().map(|views| views.iter().map(describe).collect()).collect::<Result<_, CliError>>()?;
        let scores = described.par_iter().enumerate().flat_map_iter(|(at, views)| {
            let others = described.iter().enumerate().filter(move |(other, _)| *other != at);
            others
                .flat_map(|(_, views)| views)
                .flat_map(move |other| views.iter().map(move |own| likeness(own, &other[0])))
        });
        wrong.par_extend(scores);
    }
    wrong.sort_unstable_by(|a, b| b.total_cmp(a));
    let reached_by = |one_in: usize| wrong.get(wrong.len() / one_in).copied();
    let Some((high, similar)) = reached_by(NEAR_DUPLICATE_ONE_IN).zip(reached_by(SIMILAR_ONE_IN)) else {
        return Err(failed("too few images to tell what scores mean"));
    };
    Ok(Levels { near_duplicate: high + NEAR_DUPLICATE_MARGIN * (1.0 - high), similar })
}

fn pixels(file: &[u8]) -> Result<Decoded, CliError> {
    decode(file, LIMITS).map_err(failed)
}

fn picture(image: Decoded) -> Picture {
    Picture { width: image.width as usize, height: image.height as usize, rgb: image.rgb }
}

/// A synthetic view through the JPEG of a phone, quality 30 to 89.
fn photograph(thing: &Picture, clutter: &Picture, seed: u64) -> Result<Decoded, CliError> {
    let view = synthetic_view(thing, clutter, seed);
    let quality = 30 + (seed.wrapping_mul(37) % 60) as u8;
    let jpeg = encode_jpeg(&view.rgb, view.width as u32, view.height as u32, quality).map_err(failed)?;
    decode(&jpeg, LIMITS).map_err(failed)
}

/// Writes a model beside its place and puts it there in one step; returns its bytes.
///
/// # Errors
/// [`CliError::Failed`] when it cannot be written.
pub(super) fn write_model(
    out: &Path,
    network: NetworkParams,
    whitenings: Vec<Whitening>,
    card: &Value,
) -> Result<Vec<u8>, CliError> {
    let bytes = ModelFile { network, whitenings, card: format!("{card:#}\n") }.encode();
    let mut beside = out.to_owned().into_os_string();
    beside.push(format!(".{}.part", std::process::id()));
    let beside = PathBuf::from(beside);
    let written = std::fs::File::create(&beside)
        .and_then(|mut file| file.write_all(&bytes).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&beside, out));
    if let Err(error) = written {
        // What matters is the error above; a file that is left over is only untidy.
        let _left_over = std::fs::remove_file(&beside);
        return Err(CliError::Failed(format!("cannot write {}: {error}", out.display())));
    }
    Ok(bytes)
}

pub(super) fn failed(error: impl std::fmt::Display) -> CliError {
    CliError::Failed(error.to_string())
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    std::fs::read(path).map_err(|e| CliError::Failed(format!("cannot read {}: {e}", path.display())))
}

/// `count` of the items, evenly spread; all where there are no more.
fn spread<T: Copy>(items: &[T], count: usize) -> Vec<T> {
    let count = count.min(items.len());
    (0..count).map(|i| items[i * items.len() / count]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_takes_evenly_and_never_more_than_there_are() {
        let items: Vec<usize> = (0..10).collect();
        assert_eq!(spread(&items, 5), [0, 2, 4, 6, 8]);
        assert_eq!(spread(&items, 3), [0, 3, 6]);
        assert_eq!(spread(&items, 99).len(), 10);
        assert!(spread(&items, 0).is_empty());
    }
}
