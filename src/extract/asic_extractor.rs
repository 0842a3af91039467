//! The extractor that runs the 2-bit network on the simulated chip.
//!
//! With `pool` the pooled vector of one pass and `L2` the scaling to unit norm:
//!
//! ```text
//! fast = pool(whole image)
//! nip  = max over four quarter turns of pool(turned whole image)
//! rnip = L2(mean over sub-images of L2(pool(sub-image))) + L2(nip)
//! ```
//!
//! then the signed square root, L2, the whitening of the profile where the model has one, L2.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::decode::{Decoded, decode};
use super::model::Model;
use super::pooling::{add, maximum, normalize, pool, signed_square_root, uniform_if_zero};
use super::preprocess::{INPUT_BYTES, INPUT_SIDE, Scaler, cut, turn};
use super::regions::RegionPlan;
use super::thumbnail::thumbnail;
use super::{DecodeLimits, ExtractError, Extraction, Extractor};
use crate::asic::{Arena, CostReport, Kernels};
use crate::domain::{Descriptor, DescriptorVersion, ExtractionCost, Profile};

const SIDE: u32 = INPUT_SIDE as u32;

/// Describes images with one model on one thread or several. All large buffers live as long as it does.
#[derive(Debug)]
pub struct AsicExtractor {
    model: Arc<Model>,
    kernels: Kernels,
    arena: Arena,
    limits: DecodeLimits,
    scaler: Scaler,
    /// The picture scaled to the canvas of the plan.
    canvas: Vec<u8>,
    /// What the network sees.
    input: Vec<u8>,
    /// The input before a turn.
    unturned: Vec<u8>,
}

impl AsicExtractor {
    /// An extractor whose passes use `threads` threads (at least one) and the instructions of `kernels`. Neither changes
    /// a descriptor.
    pub fn new(model: Arc<Model>, kernels: Kernels, threads: usize, limits: DecodeLimits) -> Self {
        let arena = Arena::new(model.network(), threads);
        Self {
            model,
            kernels,
            arena,
            limits,
            scaler: Scaler::default(),
            canvas: Vec::new(),
            input: Vec::with_capacity(INPUT_BYTES),
            unturned: Vec::with_capacity(INPUT_BYTES),
        }
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The vector of an image before the whitening: one value for each channel of the network's output, unit norm, none
    /// negative. This is what a whitening is learned from.
    ///
    /// # Errors
    /// [`ExtractError::Internal`] when `image.rgb` does not have the length that its sides say.
    pub fn pooled(&mut self, image: &Decoded, profile: Profile) -> Result<Vec<f32>, ExtractError> {
        Ok(self.run(image, profile)?.vector)
    }

    /// [`AsicExtractor::pooled`] for every profile, in the order of [`Profile::ALL`], at the passes of `rnip` alone.
    ///
    /// # Errors
    /// Those of [`AsicExtractor::pooled`].
    pub fn pooled_all(&mut self, image: &Decoded) -> Result<[Vec<f32>; 3], ExtractError> {
        self.scale_whole(image)?;
        let fast = self.pass();
        let nip = self.turned(fast.clone());
        let (rnip, _) = self.regions(image, nip.clone())?;
        Ok([fast, nip, rnip].map(finished))
    }

    fn run(&mut self, image: &Decoded, profile: Profile) -> Result<Run, ExtractError> {
        self.scale_whole(image)?;
        let fast = self.pass();
        let (vector, passes) = match profile {
            Profile::Fast => (fast, 1),
            Profile::Nip => (self.turned(fast), 4),
            Profile::Rnip => {
                let nip = self.turned(fast);
                let (rnip, regions) = self.regions(image, nip)?;
                (rnip, 4 + regions)
            }
        };
        Ok(Run { vector: finished(vector), passes })
    }

    fn scale_whole(&mut self, image: &Decoded) -> Result<(), ExtractError> {
        self.scaler.scale(image, SIDE, SIDE, &mut self.input)
    }

    /// Runs the network on the input and pools.
    fn pass(&mut self) -> Vec<f32> {
        pool(self.model.network().run(self.kernels, &mut self.arena, &self.input, INPUT_SIDE, INPUT_SIDE))
    }

    /// `nip`, given the vector of the upright image, which is the input still.
    fn turned(&mut self, upright: Vec<f32>) -> Vec<f32> {
        let mut largest = upright;
        for _ in 0..3 {
            std::mem::swap(&mut self.input, &mut self.unturned);
            turn(&self.unturned, INPUT_SIDE, &mut self.input);
            maximum(&mut largest, &self.pass());
        }
        largest
    }

    /// `rnip`, given `nip`, and the number of sub-images.
    fn regions(&mut self, image: &Decoded, mut nip: Vec<f32>) -> Result<(Vec<f32>, u32), ExtractError> {
        let plan = RegionPlan::new(image.width, image.height, SIDE);
        self.scaler.scale(image, plan.canvas_width, plan.canvas_height, &mut self.canvas)?;
        let mut mean = vec![0f32; nip.len()];
        for region in &plan.regions {
            let (x, y) = (region.x as usize, region.y as usize);
            cut(&self.canvas, plan.canvas_width as usize, x, y, INPUT_SIDE, &mut self.input);
            let mut part = self.pass();
            normalize(&mut part);
            add(&mut mean, &part);
        }
        // Dividing the sum by the number of sub-images would change nothing: only its direction counts.
        normalize(&mut mean);
        normalize(&mut nip);
        add(&mut mean, &nip);
        Ok((mean, plan.regions.len() as u32))
    }

    fn describe(&self, pooled: Vec<f32>, profile: Profile) -> Result<Descriptor, ExtractError> {
        let mut values = match self.model.whitener(profile) {
            Some(whitener) => whitener.apply(&pooled),
            None => pooled,
        };
        normalize(&mut values);
        uniform_if_zero(&mut values);
        Descriptor::new(values, self.dimension(profile)).map_err(|error| ExtractError::Internal(error.to_string()))
    }
}

/// A vector before the whitening and the passes it took.
struct Run {
    vector: Vec<f32>,
    passes: u32,
}

fn finished(mut vector: Vec<f32>) -> Vec<f32> {
    normalize(&mut vector);
    signed_square_root(&mut vector);
    vector
}

fn cost(pass: &CostReport, passes: u32, elapsed: Duration) -> ExtractionCost {
    let times = f64::from(passes);
    ExtractionCost {
        passes,
        cycles: pass.cycles * u64::from(passes),
        macs: pass.macs * u64::from(passes),
        buffer_bytes: pass.buffer_bytes,
        chip_milliseconds: pass.milliseconds * times,
        energy_millijoules: [pass.millijoules.0 * times, pass.millijoules.1 * times],
        host_milliseconds: elapsed.as_secs_f64() * 1000.0,
    }
}

impl Extractor for AsicExtractor {
    fn version(&self, profile: Profile) -> DescriptorVersion {
        DescriptorVersion::new(self.model.fingerprint(), profile)
    }

    fn dimension(&self, profile: Profile) -> usize {
        self.model.dimension(profile)
    }

    fn extract(&mut self, bytes: &[u8], profile: Profile) -> Result<Extraction, ExtractError> {
        let start = Instant::now();
        let image = decode(bytes, self.limits)?;
        let Run { vector, passes } = self.run(&image, profile)?;
        let descriptor = self.describe(vector, profile)?;
        let thumbnail = thumbnail(&image, &mut self.scaler, &mut self.canvas)?;
        Ok(Extraction {
            descriptor,
            version: self.version(profile),
            format: image.format,
            width: image.width,
            height: image.height,
            thumbnail,
            cost: cost(self.model.pass_cost(), passes, start.elapsed()),
        })
    }
}
