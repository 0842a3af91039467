//! The extractor that runs the 2-bit network on the simulated chip; `combine.rs` says how its
//! passes become a descriptor.

use std::sync::Arc;
use std::time::{Duration, Instant};

use eyrie_chip::{Arena, FeatureMap, Kernels, Team};

use super::cells::Maps;
use super::combine::{Pooled, WHOLE_PASSES};
use super::cost::ExtractionCost;
use super::descriptor::DescriptorVersion;
use super::extraction::{Extraction, Extractor, Request};
use super::model::Model;
use super::profile::Profile;
use super::regions::RegionPlan;
use crate::local::{Cells, LocalFeatures};
use crate::picture::{
    DecodeLimits, Decoded, INPUT_BYTES, INPUT_SIDE, PictureError, Scaler, Thumbnail, crop, cut, decode, fitted, luma,
    thumbnail, turn,
};

const SIDE: u32 = INPUT_SIDE as u32;

/// Passes whose late layers run together; more share an expanded block of weights further and need
/// more memory.
const BATCH: usize = 8;

/// Describes images with one model on one thread or several. All large buffers live as long as it
/// does.
#[derive(Debug)]
pub struct AsicExtractor {
    model: Arc<Model>,
    kernels: Kernels,
    arena: Arena,
    limits: DecodeLimits,
    scaler: Scaler,
    /// The picture scaled to the canvas of the plan.
    canvas: Vec<u8>,
    /// What the network sees, one input after the other.
    inputs: Vec<u8>,
    times: StepTimes,
}

/// Where the time of extractions went, in sum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StepTimes {
    /// From the bytes of the file to upright pixels, those of a region where one was given.
    pub decode: Duration,
    /// Scaling, turning and cutting the inputs of the network.
    pub scale: Duration,
    /// The passes of the network.
    pub network: Duration,
    /// From activations to pooled vectors.
    pub pool: Duration,
    /// Combining the vectors, whitening, normalising.
    pub describe: Duration,
    /// The thumbnail.
    pub thumbnail: Duration,
}

impl AsicExtractor {
    /// An extractor whose passes use the threads of `team`, which others may share, and the
    /// instructions of `kernels`. Neither changes a descriptor.
    pub fn new(model: Arc<Model>, kernels: Kernels, team: Arc<Team>, limits: DecodeLimits) -> Self {
        let arena = Arena::new(model.network(), INPUT_SIDE, INPUT_SIDE, BATCH, team);
        Self {
            model,
            kernels,
            arena,
            limits,
            scaler: Scaler::default(),
            canvas: Vec::new(),
            inputs: Vec::new(),
            times: StepTimes::default(),
        }
    }

    /// Runs at most `batch` passes together (at least one; otherwise eight), which changes memory
    /// and time alone.
    #[must_use]
    pub fn with_batch(mut self, batch: usize) -> Self {
        let team = Arc::clone(self.arena.team());
        self.arena = Arena::new(self.model.network(), INPUT_SIDE, INPUT_SIDE, batch, team);
        self
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Where the time of all extractions since the last call went.
    pub fn take_times(&mut self) -> StepTimes {
        std::mem::take(&mut self.times)
    }

    /// The pooled vectors of each pass that `profile` takes (see [`AsicExtractor::inputs`] for
    /// their order). [`super::combine::combine()`] makes one vector of them, whitenings are learned
    /// from them.
    ///
    /// # Errors
    /// [`PictureError::Internal`] when `image.rgb` does not have the length that its sides say.
    pub fn pooled(&mut self, image: &Decoded, profile: Profile) -> Result<Vec<Pooled>, PictureError> {
        self.prepare(image, profile)?;
        Ok(self.passes(|_, _| {}))
    }

    /// The cells of an image, which the sub-images of `rnip` give; `None` where the model has no
    /// whitening for their map.
    ///
    /// # Errors
    /// Those of [`AsicExtractor::pooled`].
    pub fn cells(&mut self, image: &Decoded) -> Result<Option<Cells>, PictureError> {
        let plan = RegionPlan::new(image.width, image.height, SIDE);
        self.inputs.resize(plan.sub_images.len() * INPUT_BYTES, 0);
        self.cut(image, &plan, 0)?;
        let mut maps = Maps::new(plan);
        self.passes(|number, middle| maps.add(number, middle));
        Ok(self.model.cells(maps))
    }

    /// The pooled vectors of an image's details ([`RegionPlan::detail`]), smaller parts of it than
    /// a profile looks at: whitenings are learned from them.
    ///
    /// # Errors
    /// Those of [`AsicExtractor::pooled`].
    pub fn details(&mut self, image: &Decoded) -> Result<Vec<Pooled>, PictureError> {
        let plan = RegionPlan::detail(image.width, image.height, SIDE);
        self.inputs.resize(plan.sub_images.len() * INPUT_BYTES, 0);
        self.cut(image, &plan, 0)?;
        Ok(self.passes(|_, _| {}))
    }

    /// What the network sees of an image: [`INPUT_BYTES`] for each pass. The whole image first, for
    /// `nip` and `rnip` its turns next, for `rnip` the sub-images after them.
    ///
    /// # Errors
    /// Those of [`AsicExtractor::pooled`].
    pub fn inputs(&mut self, image: &Decoded, profile: Profile) -> Result<&[u8], PictureError> {
        self.prepare(image, profile)?;
        Ok(&self.inputs)
    }

    /// Fills the inputs: the whole image, for `nip` and `rnip` turned as well, for `rnip` the
    /// sub-images.
    fn prepare(&mut self, image: &Decoded, profile: Profile) -> Result<(), PictureError> {
        let plan = (profile == Profile::Rnip).then(|| RegionPlan::new(image.width, image.height, SIDE));
        let turned = if profile == Profile::Fast { 1 } else { WHOLE_PASSES };
        let sub_images = plan.as_ref().map_or(0, |plan| plan.sub_images.len());
        self.inputs.resize((turned + sub_images) * INPUT_BYTES, 0);
        let whole = &mut self.inputs[..turned * INPUT_BYTES];
        self.scaler.scale_into(image, SIDE, SIDE, &mut whole[..INPUT_BYTES])?;
        for turn_to in 1..turned {
            let (before, after) = whole.split_at_mut(turn_to * INPUT_BYTES);
            turn(&before[(turn_to - 1) * INPUT_BYTES..], INPUT_SIDE, &mut after[..INPUT_BYTES]);
        }
        plan.map_or(Ok(()), |plan| self.cut(image, &plan, turned))
    }

    /// Cuts the squares of a plan out of the image, into the inputs from the number `first` on.
    fn cut(&mut self, image: &Decoded, plan: &RegionPlan, first: usize) -> Result<(), PictureError> {
        self.scaler.scale(image, plan.canvas_width, plan.canvas_height, &mut self.canvas)?;
        let parts = self.inputs[first * INPUT_BYTES..].chunks_exact_mut(INPUT_BYTES);
        for (place, part) in plan.sub_images.iter().zip(parts) {
            cut(&self.canvas, plan.canvas_width as usize, place.x as usize, place.y as usize, INPUT_SIDE, part);
        }
        Ok(())
    }

    /// Runs the network on all inputs, and pools.
    fn passes(&mut self, seen: impl FnMut(usize, &FeatureMap)) -> Vec<Pooled> {
        let Self { model, kernels, arena, inputs, times, .. } = self;
        passes(model, *kernels, arena, inputs, times, seen)
    }
}

/// Runs the network on inputs of [`INPUT_BYTES`] each, and pools; shows `seen` the middle map of
/// each, with its number.
fn passes(
    model: &Model,
    kernels: Kernels,
    arena: &mut Arena,
    inputs: &[u8],
    times: &mut StepTimes,
    mut seen: impl FnMut(usize, &FeatureMap),
) -> Vec<Pooled> {
    let count = inputs.len() / INPUT_BYTES;
    let batches = count.div_ceil(arena.batch());
    let mut vectors = Vec::with_capacity(count);
    for batch in 0..batches {
        let (first, end) = (count * batch / batches, count * (batch + 1) / batches);
        let inputs = &inputs[first * INPUT_BYTES..end * INPUT_BYTES];
        let start = Instant::now();
        let maps = model.network().run(kernels, arena, inputs, INPUT_SIDE, INPUT_SIDE);
        let ran = Instant::now();
        maps.middle.iter().enumerate().for_each(|(at, middle)| seen(first + at, middle));
        vectors.extend(maps.middle.iter().zip(maps.last).map(|(middle, last)| Pooled::new(middle, last)));
        times.network += ran - start;
        times.pool += ran.elapsed();
    }
    vectors
}

/// What an extraction gives beside the descriptor.
struct Aside {
    thumbnail: Option<Thumbnail>,
    view: Option<Decoded>,
    features: Option<LocalFeatures>,
    thumbnail_time: Duration,
    features_time: Duration,
}

impl Aside {
    fn of(image: &Decoded, request: Request, scaler: &mut Scaler, canvas: &mut Vec<u8>) -> Result<Self, PictureError> {
        let Request { thumbnail: with_thumbnail, view, features: limit, .. } = request;
        let mut clock = Clock::start();
        let thumbnail = with_thumbnail.then(|| thumbnail(image, scaler, canvas)).transpose()?;
        let view = (view > 0).then(|| fitted(image, view, scaler)).transpose()?;
        let thumbnail_time = clock.lap();
        let features = (limit > 0).then(|| local_features(image, limit)).transpose()?;
        Ok(Self { thumbnail, view, features, thumbnail_time, features_time: clock.lap() })
    }
}

/// The local features of a decoded image, at most `limit` of them.
///
/// # Errors
/// [`PictureError::Internal`] when `image.rgb` does not have the length that its sides say, or for
/// a limit of 0 or above [`crate::local::MAX_FEATURES`].
pub fn local_features(image: &Decoded, limit: usize) -> Result<LocalFeatures, PictureError> {
    LocalFeatures::extract(&luma(image), image.width as usize, image.height as usize, limit)
        .map(|features| features.with_pixels(&image.rgb, image.width))
        .map_err(|e| PictureError::Internal(format!("no local features: {e}")))
}

impl Extractor for AsicExtractor {
    fn memory_bytes(&self) -> usize {
        self.arena.bytes() + self.canvas.capacity() + self.inputs.capacity()
    }

    fn extract(&mut self, bytes: &[u8], request: Request) -> Result<Extraction, PictureError> {
        let profile = request.profile;
        let mut clock = Clock::start();
        let whole = decode(bytes, self.limits)?;
        let (image, region) = match request.region {
            Some(region) => crop(whole, region, self.limits).map(|(part, region)| (part, Some(region)))?,
            None => (whole, None),
        };
        let decode_time = clock.lap();
        self.times.decode += decode_time;
        self.prepare(&image, profile)?;
        self.times.scale += clock.lap();
        let Self { model, kernels, arena, scaler, canvas, inputs, times, .. } = self;
        let team = Arc::clone(arena.team());
        let with_cells = request.features > 0 && profile == Profile::Rnip;
        let mut maps = with_cells.then(|| Maps::new(RegionPlan::new(image.width, image.height, SIDE)));
        let ((vectors, network_time), aside) = team.join(
            || {
                let start = Instant::now();
                let seen = |number: usize, middle: &FeatureMap| {
                    if let (Some(maps), Some(number)) = (&mut maps, number.checked_sub(WHOLE_PASSES)) {
                        maps.add(number, middle);
                    }
                };
                (passes(model, *kernels, arena, inputs, times, seen), start.elapsed())
            },
            || Aside::of(&image, request, scaler, canvas),
        );
        let Aside { thumbnail, view, features, thumbnail_time, features_time } = aside?;
        clock.lap();
        let descriptor = self.model.descriptor(&vectors, profile)?;
        let parts = if request.parts { self.model.parts(&vectors)? } else { Vec::new() };
        let cells = maps.and_then(|maps| self.model.cells(maps));
        self.times.describe += clock.lap();
        self.times.thumbnail += thumbnail_time;
        Ok(Extraction {
            descriptor,
            parts,
            version: DescriptorVersion::new(self.model.fingerprint(), profile),
            format: image.format,
            region,
            width: image.width,
            height: image.height,
            thumbnail,
            view,
            features: features.map(|features| features.with_cells(cells)),
            decode_time,
            network_time,
            features_time,
            cost: ExtractionCost::of(self.model.pass_cost(), vectors.len() as u32, clock.total()),
        })
    }
}

/// Tells how long each step took.
struct Clock {
    start: Instant,
    lap: Instant,
}

impl Clock {
    fn start() -> Self {
        let now = Instant::now();
        Self { start: now, lap: now }
    }

    /// The time since the last lap.
    fn lap(&mut self) -> Duration {
        let now = Instant::now();
        now - std::mem::replace(&mut self.lap, now)
    }

    /// The time since the start.
    fn total(&self) -> Duration {
        self.start.elapsed()
    }
}
