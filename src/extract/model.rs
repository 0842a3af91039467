//! The model as the extractor holds it: loaded once, shared by all workers.

use std::collections::HashMap;

use serde::Deserialize;

use super::ExtractError;
use super::combine::{Level, Pooled, combine};
use super::pooling::{MAP_SIDE, Whitener};
use super::preprocess::INPUT_SIDE;
use crate::asic::{ChipSpec, CostReport, LayerShape, ModelError, ModelFile, Network, fingerprint};
use crate::domain::{Descriptor, Levels, Profile};

/// Raise it whenever `decode`, `preprocess`, `regions`, `pooling`, `combine` or `asic_extractor` change so that some picture gets
/// another descriptor. It is part of [`Model::fingerprint`], so that old descriptors are never compared with new ones.
pub const PIPELINE_REVISION: u32 = 2;

/// The model that the binary carries.
static EMBEDDED: &[u8] = include_bytes!("../../models/vgg16-2bit.eyrie");

/// A network with the whitenings of its descriptors.
#[derive(Debug)]
pub struct Model {
    network: Network,
    whiteners: [Option<Whitener>; 2],
    shapes: Vec<LayerShape>,
    pass_cost: CostReport,
    fingerprint: String,
    card: String,
    levels: [Levels; Profile::ALL.len()],
}

impl Model {
    /// The model that is part of the program.
    ///
    /// # Errors
    /// None in a released program: a test loads it.
    pub fn embedded() -> Result<Self, ModelError> {
        Self::from_bytes(EMBEDDED)
    }

    /// The bytes of the model file that is part of the program.
    pub fn embedded_file() -> &'static [u8] {
        EMBEDDED
    }

    /// Reads a model file for the default chip; see [`Model::for_chip`].
    ///
    /// # Errors
    /// Those of [`Model::for_chip`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        Self::for_chip(bytes, &ChipSpec::default())
    }

    /// Reads a model file. A whitening is used for the map whose name it has ([`Level::name`]). The chip says what a pass
    /// costs, it does not change descriptors.
    ///
    /// # Errors
    /// [`ModelError`] for a file that is damaged, of another version, or that holds no sound network of five poolings, or a
    /// whitening that gives nothing, takes another number of values than its map has channels, or belongs to no map.
    pub fn for_chip(bytes: &[u8], chip: &ChipSpec) -> Result<Self, ModelError> {
        let file = ModelFile::decode(bytes)?;
        let network = Network::new(&file.network)?;
        let wanted = [(2 * MAP_SIDE, 2 * MAP_SIDE), (MAP_SIDE, MAP_SIDE)].map(Some);
        let middle = network.middle_shape(INPUT_SIDE, INPUT_SIDE);
        let shapes = [middle, Some(network.output_shape(INPUT_SIDE, INPUT_SIDE))];
        if shapes.map(|shape| shape.map(|(height, width, _)| (height, width))) != wanted {
            return Err(ModelError::Format("the network's maps are not 14x14 and 7x7 at 224x224".into()));
        }
        for whitening in &file.whitenings {
            let level = Level::ALL.into_iter().zip(shapes).find(|(level, _)| level.name() == whitening.name);
            let channels = level.and_then(|(_, shape)| shape).map(|(_, _, channels)| channels);
            if channels != Some(whitening.inputs()) || whitening.outputs() == 0 {
                return Err(ModelError::Format(format!("whitening {:?} does not fit the network", whitening.name)));
            }
        }
        let whiteners = Level::ALL.map(|level| file.whitening(level.name()).map(Whitener::new));
        let fingerprint = fingerprint(format!("{}/{PIPELINE_REVISION}", fingerprint(bytes)).as_bytes());
        let shapes = file.network.shapes();
        let pass_cost = chip.cost(&shapes, INPUT_SIDE, INPUT_SIDE);
        let levels = levels(&file.card)?;
        Ok(Self { network, whiteners, shapes, pass_cost, fingerprint, card: file.card, levels })
    }

    /// The packed network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Names and shapes of the network's layers.
    pub fn shapes(&self) -> &[LayerShape] {
        &self.shapes
    }

    /// The whitenings of the middle and of the last map, where the model has them.
    pub fn whiteners(&self) -> [Option<&Whitener>; 2] {
        self.whiteners.each_ref().map(Option::as_ref)
    }

    /// The number of values of a descriptor, whichever the profile.
    pub fn dimension(&self) -> usize {
        let middle = self.network.middle_shape(INPUT_SIDE, INPUT_SIDE).map_or(0, |(_, _, channels)| channels);
        let last = self.network.output_shape(INPUT_SIDE, INPUT_SIDE).2;
        let values = self.whiteners().into_iter().zip([middle, last]);
        values.map(|(whitener, channels)| whitener.map_or(channels, Whitener::outputs)).sum()
    }

    /// The descriptor of `profile`, of the pooled vectors of its passes or of those of a dearer profile; see [`combine`].
    ///
    /// # Errors
    /// [`ExtractError::Internal`] when a value is not finite.
    ///
    /// # Panics
    /// Those of [`combine`].
    pub fn descriptor(&self, passes: &[Pooled], profile: Profile) -> Result<Descriptor, ExtractError> {
        let values = combine(passes, profile, self.whiteners());
        Descriptor::new(values, self.dimension()).map_err(|error| ExtractError::Internal(error.to_string()))
    }

    /// 16 hexadecimal digits that stand for the model file and [`PIPELINE_REVISION`] together: two extractors with the
    /// same fingerprint give the same descriptors.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// What one pass over 224x224 pixels costs on the chip.
    pub fn pass_cost(&self) -> &CostReport {
        &self.pass_cost
    }

    /// What cosines of a profile's descriptors mean: the card's `levels`; [`Levels::NONE`] where it has none.
    pub fn levels(&self, profile: Profile) -> &Levels {
        &self.levels[profile as usize]
    }

    /// The model card, JSON text.
    pub fn card(&self) -> &str {
        &self.card
    }
}

/// The levels of each profile that the card states.
fn levels(card: &str) -> Result<[Levels; Profile::ALL.len()], ModelError> {
    #[derive(Deserialize)]
    struct Card {
        #[serde(default)]
        levels: HashMap<String, Levels>,
    }
    let card: Card = serde_json::from_str(card).map_err(|e| ModelError::Format(format!("its card: {e}")))?;
    Ok(Profile::ALL.map(|profile| card.levels.get(profile.as_str()).copied().unwrap_or(Levels::NONE)))
}
