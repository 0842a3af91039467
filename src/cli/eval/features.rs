//! From files to pooled vectors, through the service's extractor or the float network, by way of the cache.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use super::cache::{Cache, Key};
use crate::app::Describer;
use crate::asic::{Kernels, ModelFile, Team, fingerprint};
use crate::cli::error::CliError;
use crate::cli::progress::Progress;
use crate::config::Extractor as ExtractorConfig;
use crate::domain::Profile;
use crate::eval::{TRANSFORMS_REVISION, Transform, pool_float};
use crate::extract::{
    AsicExtractor, DecodeLimits, Decoded, ExtractError, INPUT_BYTES, INPUT_SIDE, Model, PIPELINE_REVISION, combine,
    decode,
};
use crate::quantize::FloatVgg;

/// Values that either network gives for a picture: the channels of VGG-16's last map.
const POOLED_VALUES: usize = 512;

/// The most failures that are told one by one.
const FAILURES_TOLD: usize = 10;

/// A picture: a file, or a transformed copy of it.
#[derive(Debug, Clone)]
pub(super) struct Picture {
    pub path: PathBuf,
    pub transform: Option<Transform>,
}

/// The pooled vectors of one picture, one for each profile that was asked for, in the order asked.
pub(super) type Pooled = Vec<Arc<[f32]>>;

/// What the extractor is made of.
pub(super) struct Chip {
    pub model: Arc<Model>,
    pub kernels: Kernels,
    pub limits: DecodeLimits,
    pub threads: usize,
    /// The bytes of the network without its whitenings, hashed: what pooled vectors depend on.
    network: String,
}

impl Chip {
    pub(super) fn load(config: &ExtractorConfig) -> Result<Self, CliError> {
        let describer = Describer::load(config)?;
        let file = if config.model.as_os_str().is_empty() {
            ModelFile::decode(Model::embedded_file())
        } else {
            ModelFile::decode(&read(&config.model)?)
        };
        let mut file = file.map_err(|e| CliError::Failed(e.to_string()))?;
        file.whitenings.clear();
        "{}".clone_into(&mut file.card);
        Ok(Self {
            network: fingerprint(&file.encode()),
            threads: describer.team.threads(),
            limits: DecodeLimits { max_pixels: config.max_pixels, max_aspect_ratio: config.max_aspect_ratio },
            kernels: describer.kernels,
            model: describer.model,
        })
    }

    fn extractor(&self) -> AsicExtractor {
        AsicExtractor::new(Arc::clone(&self.model), self.kernels, Arc::new(Team::ALONE), self.limits)
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

    /// What vectors before the whitening depend on, besides the picture; also the name of the cache's file.
    pub(super) fn version(&self, chip: &Chip) -> String {
        match self {
            Self::Chip => format!("chip-{}-{PIPELINE_REVISION}", chip.network),
            Self::Float(_, fingerprint) => format!("float-{fingerprint}-{PIPELINE_REVISION}"),
        }
    }
}

/// Describes pictures with one network: the vectors before the whitening.
pub(super) struct Features<'a> {
    chip: &'a Chip,
    network: &'a Network,
    cache: Cache,
    profiles: &'a [Profile],
    /// Those that no thread uses just now; each owns the memory of its passes.
    idle: Mutex<Vec<AsicExtractor>>,
}

impl<'a> Features<'a> {
    pub(super) fn new(
        chip: &'a Chip,
        network: &'a Network,
        folder: Option<&Path>,
        profiles: &'a [Profile],
    ) -> Result<Self, CliError> {
        let cache = Cache::open(folder, &network.version(chip), POOLED_VALUES)?;
        Ok(Self { chip, network, cache, profiles, idle: Mutex::default() })
    }

    /// The vectors of every picture, in order; `None` where a file is no image at all (a read-me among the photos).
    ///
    /// # Errors
    /// [`CliError::Failed`] when a picture cannot be read or described: figures without it would be of another set.
    pub(super) fn describe(&self, what: &str, pictures: &[Picture]) -> Result<Vec<Option<Pooled>>, CliError> {
        let progress = Progress::start(what, pictures.len());
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.chip.threads)
            .build()
            .map_err(|e| CliError::Failed(format!("cannot start threads: {e}")))?;
        let described: Vec<Result<Option<Pooled>, Failure>> = pool.install(|| {
            pictures
                .par_iter()
                .map(|picture| {
                    let pooled = self.describe_one(picture);
                    progress.step();
                    pooled
                })
                .collect()
        });
        progress.end();
        let mut all = Vec::with_capacity(pictures.len());
        let mut failures = Vec::new();
        for described in described {
            match described {
                Ok(pooled) => all.push(pooled),
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

    fn describe_one(&self, picture: &Picture) -> Result<Option<Pooled>, Failure> {
        let failed = |reason: &dyn std::fmt::Display| Failure::Picture(format!("{}: {reason}", picture.path.display()));
        let bytes = std::fs::read(&picture.path).map_err(|e| failed(&e))?;
        let hash: Key = Sha256::digest(&bytes).into();
        let keys: Vec<Key> = self.profiles.iter().map(|profile| key(&hash, picture.transform, *profile)).collect();
        if let Some(known) = keys.iter().map(|key| self.cache.get(key)).collect::<Option<Pooled>>() {
            return Ok(Some(known));
        }
        let original = match decode(&bytes, self.chip.limits) {
            Err(ExtractError::NotAnImage | ExtractError::Empty) => return Ok(None),
            decoded => decoded.map_err(|e| failed(&e))?,
        };
        let image = match picture.transform {
            None => original,
            Some(transform) => transform.apply(&original, seed(&hash)).map_err(|e| failed(&e))?,
        };
        let dearest = self.profiles.iter().max().copied().unwrap_or(Profile::Fast);
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = idle().pop();
        let mut extractor = taken.unwrap_or_else(|| self.chip.extractor());
        let vectors = self.vectors(&mut extractor, &image, dearest).map_err(|e| failed(&e))?;
        idle().push(extractor);
        let cheaper: Vec<Profile> = Profile::ALL.into_iter().filter(|p| *p <= dearest).collect();
        // The cheaper profiles cost nothing more, so all are kept for a later run.
        for (profile, vector) in cheaper.iter().zip(&vectors) {
            let key = key(&hash, picture.transform, *profile);
            if self.cache.get(&key).is_none() {
                self.cache.put(key, vector).map_err(Failure::Run)?;
            }
        }
        Ok(keys.iter().map(|key| self.cache.get(key)).collect())
    }

    fn vectors(
        &self,
        extractor: &mut AsicExtractor,
        image: &Decoded,
        dearest: Profile,
    ) -> Result<Vec<Vec<f32>>, ExtractError> {
        match self.network {
            Network::Chip => extractor.pooled_up_to(image, dearest),
            Network::Float(network, _) => {
                let inputs = extractor.inputs(image, dearest)?;
                let passes: Vec<Vec<f32>> = inputs
                    .chunks_exact(INPUT_BYTES)
                    .map(|input| pool_float(&network.run(input, INPUT_SIDE, INPUT_SIDE)))
                    .collect();
                Ok(Profile::ALL.into_iter().filter(|p| *p <= dearest).map(|p| combine(&passes, p)).collect())
            }
        }
    }
}

enum Failure {
    /// This picture cannot be described.
    Picture(String),
    /// Nothing can be: the cache cannot be written.
    Run(CliError),
}

fn key(file: &Key, transform: Option<Transform>, profile: Profile) -> Key {
    let mut hash = Sha256::new();
    hash.update(file);
    hash.update(profile.as_str());
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
    let bytes = read(&picture.path)?;
    let failed = |reason: &dyn std::fmt::Display| CliError::Failed(format!("{}: {reason}", picture.path.display()));
    let mut image = decode(&bytes, limits).map_err(|e| failed(&e))?;
    if let Some(transform) = picture.transform {
        image = transform.apply(&image, seed(&Sha256::digest(&bytes).into())).map_err(|e| failed(&e))?;
    }
    let (mut scaler, mut buffer) = (crate::extract::Scaler::default(), Vec::new());
    crate::extract::thumbnail(&image, &mut scaler, &mut buffer).map(|t| t.bytes).map_err(|e| failed(&e))
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    std::fs::read(path).map_err(|e| CliError::Failed(format!("cannot read {}: {e}", path.display())))
}

/// Checks that no two systems would be the same.
pub(super) fn without_repeats<T: Clone + Eq + std::hash::Hash>(items: &[T]) -> Vec<T> {
    let mut seen = HashSet::new();
    items.iter().filter(|item| seen.insert((*item).clone())).cloned().collect()
}
