//! From files to pooled vectors, through the service's extractor or the float network, by way of
//! the cache.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use crate::commands::machine::load;
use crate::commands::records::{Key, Layout, Records};
use crate::commands::vectors::{Lengths, VectorCache, Vectors};
use crate::eval::{TRANSFORMS_REVISION, Transform, pool_float};
use crate::quantize::FloatVgg;
use eyrie_chip::{ModelFile, fingerprint};
use eyrie_terminal::{CliError, Progress};
use eyrie_vision::describe::{
    AsicExtractor, Model, PIPELINE_REVISION, Pooled, Profile, WHOLE_PASSES, local_features as features_of,
};
use eyrie_vision::local::{Cells, LocalFeatures};
use eyrie_vision::picture::{
    DecodeLimits, Decoded, INPUT_BYTES, INPUT_SIDE, PictureError, QueryRegion, Scaler, crop, decode, encode_png,
    thumbnail as small,
};
use eyrie_vision::{Describer, DescriberOptions};

/// Values that either network gives for a pass: the channels of VGG-16's two maps.
const LENGTHS: Lengths = [512; 2];

/// More bytes than the cells of a picture take.
const MOST_CELL_BYTES: usize = 1 << 16;

/// The most failures that are told one by one.
const FAILURES_TOLD: usize = 10;

/// A picture: a file, a part of it, or a transformed copy of it.
#[derive(Debug, Clone)]
pub(super) struct Picture {
    pub path: PathBuf,
    pub region: Option<QueryRegion>,
    pub transform: Option<Transform>,
}

impl Picture {
    /// The picture that the bytes of its file show; `None` where they are no image at all.
    fn pixels(&self, bytes: &[u8], limits: DecodeLimits) -> Result<Option<Decoded>, Failure> {
        let failed = |reason: &dyn std::fmt::Display| Failure::Picture(format!("{}: {reason}", self.path.display()));
        let original = match decode(bytes, limits) {
            Err(PictureError::NotAnImage | PictureError::Empty) => return Ok(None),
            decoded => decoded.map_err(|e| failed(&e))?,
        };
        let original = match self.region {
            Some(region) => crop(original, region, limits).map_err(|e| failed(&e))?.0,
            None => original,
        };
        let Some(transform) = self.transform else { return Ok(Some(original)) };
        transform.apply(&original, seed(&Sha256::digest(bytes).into())).map(Some).map_err(|e| failed(&e))
    }
}

/// What describes pictures here.
pub(super) struct Setup {
    pub describer: Describer,
    /// The bytes of the network without its whitenings, hashed: what pooled vectors depend on.
    network: String,
}

impl Setup {
    pub(super) fn load(config: &DescriberOptions) -> Result<Self, CliError> {
        let describer = load(config)?;
        let file = if config.model.as_os_str().is_empty() {
            ModelFile::decode(Model::embedded_file())
        } else {
            ModelFile::decode(&read(&config.model)?)
        };
        let mut file = file.map_err(|e| CliError::Failed(e.to_string()))?;
        file.whitenings.clear();
        "{}".clone_into(&mut file.card);
        Ok(Self { network: fingerprint(&file.encode()), describer })
    }

    fn threads(&self) -> usize {
        self.describer.team.threads()
    }

    pub(super) fn limits(&self) -> DecodeLimits {
        self.describer.limits
    }

    pub(super) fn model(&self) -> &Model {
        &self.describer.model
    }
}

/// The networks that can be measured.
pub(super) enum Network {
    /// The 2-bit network on the simulated chip.
    Chip,
    /// The float network, with a name that stands for its weights.
    Float(Box<FloatVgg>, String),
}

impl Network {
    pub(super) fn float(path: &Path) -> Result<Self, CliError> {
        let bytes = read(path)?;
        let weights = FloatVgg::from_safetensors(&bytes)
            .map_err(|error| CliError::Failed(format!("{}: {error}", path.display())))?;
        Ok(Self::Float(Box::new(weights), fingerprint(&bytes)))
    }

    /// What vectors before the whitening depend on, besides the picture; also the name of the
    /// cache's file.
    pub(super) fn version(&self, setup: &Setup) -> String {
        match self {
            Self::Chip => format!("chip-{}-{PIPELINE_REVISION}", setup.network),
            Self::Float(_, fingerprint) => format!("float-{fingerprint}-{PIPELINE_REVISION}"),
        }
    }
}

/// Extractors for as many threads as ask; each owns the memory of its passes.
struct Extractors<'a> {
    setup: &'a Setup,
    /// Those that no thread uses just now.
    idle: Mutex<Vec<AsicExtractor>>,
}

impl<'a> Extractors<'a> {
    fn new(setup: &'a Setup) -> Self {
        Self { setup, idle: Mutex::default() }
    }

    fn lend<T>(&self, work: impl FnOnce(&mut AsicExtractor) -> T) -> T {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = idle().pop();
        let mut extractor = waiting.unwrap_or_else(|| self.setup.describer.extractor_of_one_thread());
        let done = work(&mut extractor);
        idle().push(extractor);
        done
    }
}

/// What one network gives for pictures: the vectors before the whitening.
pub(super) struct Features<'a> {
    setup: &'a Setup,
    network: &'a Network,
    cache: VectorCache,
    /// The dearest profile that is asked for.
    dearest: Profile,
    extractors: Extractors<'a>,
}

impl<'a> Features<'a> {
    pub(super) fn new(
        setup: &'a Setup,
        network: &'a Network,
        folder: Option<&Path>,
        profiles: &[Profile],
    ) -> Result<Self, CliError> {
        let file = folder.map(|folder| folder.join(format!("{}.vectors", network.version(setup))));
        let cache = VectorCache::open(file.as_deref(), LENGTHS)
            .map_err(|error| CliError::Failed(format!("{error} (--cache none does without)")))?;
        let dearest = profiles.iter().max().copied().unwrap_or(Profile::Fast);
        Ok(Self { setup, network, cache, dearest, extractors: Extractors::new(setup) })
    }

    /// The vectors of every picture, in order; `None` where a file is no image at all (a read-me
    /// among the photos).
    ///
    /// # Errors
    /// [`CliError::Failed`] when a picture cannot be read or described: figures without it would be
    /// of another set.
    pub(super) fn of(&self, what: &str, pictures: &[Picture]) -> Result<Vec<Option<Vectors>>, CliError> {
        each(what, pictures, self.setup.threads(), |picture| self.of_one(picture))
    }

    fn of_one(&self, picture: &Picture) -> Result<Option<Vectors>, Failure> {
        let failed = |reason: &dyn std::fmt::Display| Failure::Picture(format!("{}: {reason}", picture.path.display()));
        let bytes = std::fs::read(&picture.path).map_err(|e| failed(&e))?;
        let hash: Key = Sha256::digest(&bytes).into();
        let key = key(&hash, picture);
        if let Some(known) = self.cache.get(&key).filter(|known| holds(known, self.dearest)) {
            return Ok(Some(known));
        }
        let Some(image) = picture.pixels(&bytes, self.setup.limits())? else { return Ok(None) };
        let passes = self.extractors.lend(|extractor| self.passes(extractor, &image)).map_err(|e| failed(&e))?;
        self.cache.put(key, passes).map(Some).map_err(Failure::Run)
    }

    fn passes(&self, extractor: &mut AsicExtractor, image: &Decoded) -> Result<Vec<Pooled>, PictureError> {
        match self.network {
            Network::Chip => extractor.pooled(image, self.dearest),
            Network::Float(network, _) => {
                let inputs = extractor.inputs(image, self.dearest)?;
                let run = |input| {
                    let [middle, last] = network.run(input, INPUT_SIDE, INPUT_SIDE);
                    Pooled { middle: pool_float(&middle), last: pool_float(&last) }
                };
                Ok(inputs.chunks_exact(INPUT_BYTES).map(run).collect())
            }
        }
    }
}

/// What the network sees where, by way of a cache: the cells of pictures.
pub(super) struct CellCache<'a> {
    records: Records,
    extractors: Extractors<'a>,
}

impl<'a> CellCache<'a> {
    pub(super) fn new(setup: &'a Setup, folder: Option<&Path>) -> Result<Self, CliError> {
        let file = folder.map(|folder| folder.join(format!("{}.cells", setup.model().fingerprint())));
        let layout = Layout { head: b"eyriecel".to_vec(), part: 1, most: MOST_CELL_BYTES };
        let records = Records::open(file.as_deref(), layout)
            .map_err(|error| CliError::Failed(format!("{error} (--cache none does without)")))?;
        Ok(Self { records, extractors: Extractors::new(setup) })
    }

    /// The cells of a picture, whose file has this hash; `None` where the model has none.
    fn of(&self, hash: &Key, picture: &Picture, image: &Decoded) -> Result<Option<Cells>, Failure> {
        let key = key(hash, picture);
        if let Some(known) = self.records.get(&key).and_then(|bytes| Cells::decode(&bytes).ok()) {
            return Ok(Some(known));
        }
        let failed = |e: PictureError| Failure::Picture(format!("{}: {e}", picture.path.display()));
        let cells = self.extractors.lend(|extractor| extractor.cells(image)).map_err(failed)?;
        if let Some(cells) = &cells {
            self.records.put(key, &cells.encode()).map_err(Failure::Run)?;
        }
        Ok(cells)
    }
}

/// Whether these passes are all that the profile takes: `rnip` has more than the whole image's.
fn holds(passes: &[Pooled], profile: Profile) -> bool {
    match profile {
        Profile::Fast => !passes.is_empty(),
        Profile::Nip => passes.len() >= WHOLE_PASSES,
        Profile::Rnip => passes.len() > WHOLE_PASSES,
    }
}

/// What pictures are compared by.
pub(super) struct Details {
    pub features: LocalFeatures,
    /// Encoded, as it is stored.
    pub thumbnail: Vec<u8>,
}

/// The local features, `limit` of each at most and with its `cells`, and the thumbnail of every
/// picture, in order; `None` where a file is no image at all.
///
/// # Errors
/// [`CliError::Failed`] when a picture cannot be read or decoded.
pub(super) fn details(
    setup: &Setup,
    what: &str,
    pictures: &[Picture],
    limit: usize,
    cells: Option<&CellCache<'_>>,
) -> Result<Vec<Option<Details>>, CliError> {
    each(what, pictures, setup.threads(), |picture| {
        let failed = |reason: &dyn std::fmt::Display| Failure::Picture(format!("{}: {reason}", picture.path.display()));
        let bytes = std::fs::read(&picture.path).map_err(|e| failed(&e))?;
        let Some(image) = picture.pixels(&bytes, setup.limits())? else { return Ok(None) };
        let thumbnail = small(&image, &mut Scaler::default(), &mut Vec::new()).map_err(|e| failed(&e))?;
        let features = features_of(&image, limit).map_err(|e| failed(&e))?;
        let of = |cells: &CellCache<'_>| cells.of(&Sha256::digest(&bytes).into(), picture, &image);
        let features = features.with_cells(cells.map(of).transpose()?.flatten());
        Ok(Some(Details { features, thumbnail: thumbnail.bytes }))
    })
}

/// Writes pictures as PNG, each to its path; files that are no images are left out.
///
/// # Errors
/// [`CliError::Failed`] when a picture cannot be read, decoded or written.
pub(super) fn write_pictures(setup: &Setup, what: &str, pictures: &[(Picture, PathBuf)]) -> Result<(), CliError> {
    let written = each(what, pictures, setup.threads(), |(picture, path)| {
        let failed = |reason: &dyn std::fmt::Display| Failure::Picture(format!("{}: {reason}", picture.path.display()));
        let bytes = std::fs::read(&picture.path).map_err(|e| failed(&e))?;
        let Some(image) = picture.pixels(&bytes, setup.limits())? else { return Ok(()) };
        let refused = |reason: &dyn std::fmt::Display| {
            Failure::Run(CliError::Failed(format!("cannot write {}: {reason}", path.display())))
        };
        std::fs::create_dir_all(path.parent().unwrap_or(path)).map_err(|e| refused(&e))?;
        let png = encode_png(&image).map_err(|e| failed(&e))?;
        std::fs::write(path, png).map_err(|e| refused(&e))
    });
    written.map(|_| ())
}

/// Does something with every picture, on `threads` threads; all that fail are told together.
fn each<P: Sync, T: Send>(
    what: &str,
    pictures: &[P],
    threads: usize,
    work: impl Fn(&P) -> Result<T, Failure> + Sync,
) -> Result<Vec<T>, CliError> {
    let progress = Progress::start(what, pictures.len());
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|e| CliError::Failed(format!("cannot start threads: {e}")))?;
    let done: Vec<Result<T, Failure>> = pool.install(|| {
        let worked = pictures.par_iter().map(|picture| {
            let result = work(picture);
            progress.step();
            result
        });
        worked.collect()
    });
    progress.end();
    let mut all = Vec::with_capacity(pictures.len());
    let mut failures = Vec::new();
    for result in done {
        match result {
            Ok(value) => all.push(value),
            Err(Failure::Picture(reason)) => failures.push(reason),
            Err(Failure::Run(error)) => return Err(error),
        }
    }
    let failed = failures.len();
    if failed == 0 {
        return Ok(all);
    }
    failures.truncate(FAILURES_TOLD);
    let more = if failed > FAILURES_TOLD { "\n..." } else { "" };
    Err(CliError::Failed(format!("{failed} pictures cannot be described:\n{}{more}", failures.join("\n"))))
}

enum Failure {
    /// This picture cannot be described.
    Picture(String),
    /// Nothing can be: the cache cannot be written.
    Run(CliError),
}

impl From<Failure> for CliError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Picture(reason) => Self::Failed(reason),
            Failure::Run(error) => error,
        }
    }
}

fn key(file: &Key, picture: &Picture) -> Key {
    let Picture { region, transform, .. } = picture;
    let mut hash = Sha256::new();
    hash.update(file);
    if let Some(region) = region {
        hash.update(format!("/{:?}", region.to_array()));
    }
    if let Some(transform) = transform {
        hash.update(format!("/{transform}/{TRANSFORMS_REVISION}"));
    }
    hash.finalize().into()
}

/// What decides the places and the noise of a transform: the file's own bytes.
pub(super) fn seed(hash: &Key) -> u64 {
    hash.iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte))
}

/// The pictures of a report: a thumbnail of a file or of its copy.
pub(super) fn thumbnail(picture: &Picture, limits: DecodeLimits) -> Result<Vec<u8>, CliError> {
    let failed = |reason: &dyn std::fmt::Display| CliError::Failed(format!("{}: {reason}", picture.path.display()));
    let pixels = picture.pixels(&read(&picture.path)?, limits)?;
    let image = pixels.ok_or_else(|| failed(&PictureError::NotAnImage))?;
    small(&image, &mut Scaler::default(), &mut Vec::new()).map(|t| t.bytes).map_err(|e| failed(&e))
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    std::fs::read(path).map_err(|e| CliError::Failed(format!("cannot read {}: {e}", path.display())))
}

/// Checks that no two systems would be the same.
pub(super) fn without_repeats<T: Clone + Eq + std::hash::Hash>(items: &[T]) -> Vec<T> {
    let mut seen = HashSet::new();
    items.iter().filter(|item| seen.insert((*item).clone())).cloned().collect()
}
