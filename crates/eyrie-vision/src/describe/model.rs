//! The model as the extractor holds it: loaded once, shared by all workers.

use std::collections::HashMap;

use serde::Deserialize;

use super::cells::Maps;
use super::combine::{Level, Pooled, Projections, combine, parts};
use super::descriptor::Descriptor;
use super::pooling::{MAP_SIDE, Whitener};
use super::profile::Profile;
use crate::picture::{INPUT_SIDE, PictureError};
use eyrie_chip::{ChipSpec, LayerShape, ModelError, ModelFile, Network, PassCost, fingerprint};

use crate::local::{Cells, Levels};

/// Raise it whenever `decode`, `preprocess`, `regions`, `pooling`, `combine` or `extractor` change
/// so that some picture gets another descriptor. It is part of [`Model::fingerprint`], so that old
/// descriptors are never compared with new ones.
pub const PIPELINE_REVISION: u32 = 5;

/// The model that the binary carries.
static EMBEDDED: &[u8] = include_bytes!("../../../../models/vgg16-2bit.eyrie");

/// A network with the whitenings of its descriptors.
#[derive(Debug)]
pub struct Model {
    network: Network,
    projections: [Projections; 2],
    shapes: Vec<LayerShape>,
    pass_cost: PassCost,
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

    /// Reads a model file. A whitening is used for the map whose name it has ([`Level::name`],
    /// [`Level::discriminant_name`]). The chip says what a pass costs, it does not change
    /// descriptors.
    ///
    /// # Errors
    /// [`ModelError`] for a file that is damaged, of another version, or that holds no sound
    /// network of five poolings, or a whitening that gives nothing, takes another number of values
    /// than what it follows gives, or belongs to no map.
    pub fn for_chip(bytes: &[u8], chip: &ChipSpec) -> Result<Self, ModelError> {
        let file = ModelFile::decode(bytes)?;
        let network = Network::new(&file.network);
        let wanted = [(2 * MAP_SIDE, 2 * MAP_SIDE), (MAP_SIDE, MAP_SIDE)].map(Some);
        let middle = network.middle_shape(INPUT_SIDE, INPUT_SIDE);
        let shapes = [middle, Some(network.output_shape(INPUT_SIDE, INPUT_SIDE))];
        if shapes.map(|shape| shape.map(|(height, width, _)| (height, width))) != wanted {
            return Err(ModelError::Format("the network's maps are not 14x14 and 7x7 at 224x224".into()));
        }
        let channels = shapes.map(|shape| shape.map_or(0, |(_, _, channels)| channels));
        let projections = Level::ALL.map(|level| Projections::of(level, &file.whitenings));
        for whitening in &file.whitenings {
            let fits = |at: usize| {
                let level = Level::ALL[at];
                let follows_the_map = level.name() == whitening.name && whitening.inputs() == channels[at];
                let whitened = projections[at].whitening.as_ref().map_or(channels[at], Whitener::outputs);
                let follows_the_whitening =
                    level.discriminant_name() == whitening.name && whitening.inputs() == whitened;
                follows_the_map || follows_the_whitening
            };
            if !(fits(0) || fits(1)) || whitening.outputs() == 0 {
                return Err(ModelError::Format(format!("whitening {:?} does not fit the network", whitening.name)));
            }
        }
        let fingerprint = fingerprint(format!("{}/{PIPELINE_REVISION}", fingerprint(bytes)).as_bytes());
        let shapes = file.network.shapes();
        let pass_cost = chip.pass(&shapes, INPUT_SIDE);
        let levels = levels(&file.card)?;
        Ok(Self { network, projections, shapes, pass_cost, fingerprint, card: file.card, levels })
    }

    /// The packed network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Names and shapes of the network's layers.
    pub fn shapes(&self) -> &[LayerShape] {
        &self.shapes
    }

    /// The linear maps that were learned for the middle and for the last map.
    pub fn projections(&self) -> &[Projections; 2] {
        &self.projections
    }

    /// The number of values of a descriptor, whichever the profile.
    pub fn dimension(&self) -> usize {
        let middle = self.network.middle_shape(INPUT_SIDE, INPUT_SIDE).map_or(0, |(_, _, channels)| channels);
        let last = self.network.output_shape(INPUT_SIDE, INPUT_SIDE).2;
        let outputs = |(projections, channels): (&Projections, usize)| {
            let last_one = projections.discriminant.as_ref().or(projections.whitening.as_ref());
            last_one.map_or(channels, Whitener::outputs)
        };
        self.projections.iter().zip([middle, last]).map(outputs).sum()
    }

    /// The descriptor of `profile`, of the pooled vectors of its passes or of those of a dearer
    /// profile; see [`combine`].
    ///
    /// # Errors
    /// [`PictureError::Internal`] when a value is not finite.
    ///
    /// # Panics
    /// Those of [`combine`].
    pub fn descriptor(&self, passes: &[Pooled], profile: Profile) -> Result<Descriptor, PictureError> {
        self.as_descriptor(combine(passes, profile, &self.projections))
    }

    /// The descriptor of each sub-image; none where the passes are of another profile than `rnip`.
    ///
    /// # Errors
    /// [`PictureError::Internal`] when a value is not finite.
    pub fn parts(&self, passes: &[Pooled]) -> Result<Vec<Descriptor>, PictureError> {
        parts(passes, &self.projections).into_iter().map(|values| self.as_descriptor(values)).collect()
    }

    /// The cells of the maps of a picture's sub-images; `None` where the model has no whitening for
    /// their map.
    pub(super) fn cells(&self, maps: Maps) -> Option<Cells> {
        let whitening = self.projections[0].whitening.as_ref()?;
        let number = u64::from_str_radix(&self.fingerprint, 16).ok()?;
        maps.cells(number, whitening)
    }

    fn as_descriptor(&self, values: Vec<f32>) -> Result<Descriptor, PictureError> {
        Descriptor::new(values, self.dimension()).map_err(|error| PictureError::Internal(error.to_string()))
    }

    /// 16 hexadecimal digits that stand for the model file and [`PIPELINE_REVISION`] together: two
    /// extractors with the same fingerprint give the same descriptors.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// What one pass over 224x224 pixels costs on the chip.
    pub fn pass_cost(&self) -> &PassCost {
        &self.pass_cost
    }

    /// What cosines of a profile's descriptors mean: the card's `levels`; [`Levels::NONE`] where it
    /// has none.
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
