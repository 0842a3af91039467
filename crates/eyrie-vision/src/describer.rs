//! What describes pictures in this process: the model, the chip it is said to run on, the
//! instruction set and the threads.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use eyrie_chip::{Algorithm, Chip, ChipError, Kernels, ModelError, Team, TeamError, UnknownAlgorithm};
use serde::{Deserialize, Serialize};

use crate::cost::{CostModel, FitError};
use crate::describe::{AsicExtractor, Model};
use crate::picture::DecodeLimits;

/// How pictures are described. `config/default.toml` gives each key's meaning, unit, range and
/// default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DescriberOptions {
    /// Instruction set of the kernels, or `auto`.
    pub isa: String,
    /// How convolutions are computed: the name of an [`Algorithm`].
    pub algorithm: String,
    /// Threads of the chip, shared by all extractors; 0 is one for each core.
    pub threads: usize,
    /// Largest picture in pixels.
    pub max_pixels: u64,
    /// Longer side over shorter side at most.
    pub max_aspect_ratio: u32,
    /// Path of a model file, or empty for the one that is built in.
    pub model: PathBuf,
    /// Name of a built-in chip, or path of a chip file: the chip whose cost is reported.
    pub chip: String,
}

/// Why nothing can be described.
#[derive(Debug, thiserror::Error)]
pub enum DescriberError {
    /// The model file cannot be read.
    #[error("cannot read the model file {path}: {source}")]
    ModelFile {
        /// The path as configured.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The model is not usable.
    #[error("cannot use the model {origin}: {reason}")]
    Model {
        /// The path, or that it is the one built in.
        origin: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The chip cannot be read.
    #[error(transparent)]
    Chip(#[from] ChipError),
    /// The chip cannot do what descriptors need.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// The CPU lacks the configured instruction set.
    #[error("extractor.isa is {isa}, which this CPU does not have; it has {available}")]
    Isa {
        /// As configured.
        isa: String,
        /// Names of those it has.
        available: String,
    },
    /// There is no such algorithm.
    #[error("extractor.algorithm: {0}")]
    Algorithm(#[from] UnknownAlgorithm),
    /// The system refuses threads.
    #[error(transparent)]
    Threads(#[from] TeamError),
}

impl DescriberError {
    /// What the user can do about it, where there is something to say.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::ModelFile { .. } | Self::Model { .. } => Some(
                "`eyrie model info FILE` shows what a model file holds; an empty extractor.model uses the one built in",
            ),
            Self::Chip(_) => Some("`eyrie chip --help` explains chip files; extractor.chip takes a name or a path"),
            Self::Fit(_) => {
                Some("the chip \"default\" holds the model that is built in; extractor.chip chooses the chip")
            }
            Self::Isa { .. } => Some("extractor.isa = \"auto\" takes the best that the CPU has"),
            Self::Algorithm(_) | Self::Threads(_) => None,
        }
    }
}

impl DescriberOptions {
    /// The limits of decoding.
    #[must_use]
    pub fn limits(&self) -> DecodeLimits {
        DecodeLimits { max_pixels: self.max_pixels, max_aspect_ratio: self.max_aspect_ratio }
    }

    /// The configured model on the configured chip, which need not hold the passes that descriptors
    /// are made of.
    ///
    /// # Errors
    /// [`DescriberError::ModelFile`], [`DescriberError::Model`], [`DescriberError::Chip`].
    pub fn cost_model(&self) -> Result<CostModel, DescriberError> {
        self.model_on_chip().map(|(_, costs)| costs)
    }

    fn model_on_chip(&self) -> Result<(Model, CostModel), DescriberError> {
        let chip = Chip::load(&self.chip)?;
        let unusable = |origin: String| move |e: ModelError| DescriberError::Model { origin, reason: e.to_string() };
        let model = if self.model.as_os_str().is_empty() {
            Model::for_chip(Model::embedded_file(), &chip.spec).map_err(unusable("that is built in".to_owned()))?
        } else {
            let path = self.model.clone();
            let read = std::fs::read(&path);
            let bytes = read.map_err(|source| DescriberError::ModelFile { path: path.clone(), source })?;
            Model::for_chip(&bytes, &chip.spec).map_err(unusable(path.display().to_string()))?
        };
        let costs = CostModel::new(chip, &model)?;
        Ok((model, costs))
    }

    fn kernels(&self) -> Result<Kernels, DescriberError> {
        let algorithm: Algorithm = self.algorithm.parse()?;
        if self.isa == "auto" {
            return Ok(Kernels::detect().with_algorithm(algorithm));
        }
        let found = self.isa.parse().ok().and_then(Kernels::for_isa);
        found.map(|kernels| kernels.with_algorithm(algorithm)).ok_or_else(|| DescriberError::Isa {
            isa: self.isa.clone(),
            available: Kernels::available().iter().map(|k| k.isa().name()).collect::<Vec<_>>().join(", "),
        })
    }
}

/// What describes pictures.
pub struct Describer {
    /// The model, shared by all extractors.
    pub model: Arc<Model>,
    /// What passes cost on the configured chip.
    pub costs: Arc<CostModel>,
    /// The instruction set.
    pub kernels: Kernels,
    /// The threads that all extractors share.
    pub team: Arc<Team>,
    /// The limits of decoding.
    pub limits: DecodeLimits,
}

impl Describer {
    /// Loads the model and the chip, chooses the instruction set and starts the threads.
    ///
    /// # Errors
    /// [`DescriberError`].
    pub fn load(options: &DescriberOptions) -> Result<Self, DescriberError> {
        let kernels = options.kernels()?;
        let (model, costs) = options.model_on_chip()?;
        costs.gives_descriptors()?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = if options.threads == 0 { cores } else { options.threads };
        let team = Arc::new(Team::new(threads)?);
        Ok(Self { model: Arc::new(model), costs: Arc::new(costs), kernels, team, limits: options.limits() })
    }

    /// A new extractor, whose passes use the threads that all share.
    #[must_use]
    pub fn extractor(&self) -> AsicExtractor {
        self.with_team(Arc::clone(&self.team))
    }

    /// A new extractor that runs on its caller's thread alone, for many pictures side by side.
    #[must_use]
    pub fn extractor_of_one_thread(&self) -> AsicExtractor {
        self.with_team(Arc::new(Team::ALONE))
    }

    fn with_team(&self, team: Arc<Team>) -> AsicExtractor {
        AsicExtractor::new(Arc::clone(&self.model), self.kernels, team, self.limits)
    }
}
