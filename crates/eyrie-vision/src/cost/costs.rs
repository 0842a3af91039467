//! The planner: which passes an image takes on a chip, and what they cost.

use eyrie_chip::{Chip, ChipSpec, LayerShape};

use super::fit::FitError;
use super::report::{ChipFacts, ChipReport, ImagePlan, ModelFacts, ProfileCost};
use crate::describe::{Model, Profile, RegionPlan};
use crate::picture::INPUT_SIDE;

/// Pixels a side of the smallest sub-image that [`RegionPlan`] can plan with.
const SMALLEST_PLAN: usize = 8;

/// A chip, and the network whose weights it holds.
#[derive(Debug, Clone)]
pub struct CostModel {
    chip: Chip,
    network: Vec<LayerShape>,
    model: ModelFacts,
    largest_input: usize,
}

/// One pass over a whole image at its full size, which Eyrie never makes: what it would cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WholePass {
    /// Whether the image buffer holds it.
    pub fits: bool,
    /// Time in milliseconds (estimate).
    pub milliseconds: f64,
    /// Least and most energy in millijoules (estimate).
    pub millijoules: [f64; 2],
}

impl CostModel {
    /// Puts the network of `model` on a chip.
    ///
    /// # Errors
    /// [`FitError::WeightMemory`] and [`FitError::ImageBuffer`] where the chip cannot run it.
    pub fn new(chip: Chip, model: &Model) -> Result<Self, FitError> {
        Self::of(chip, model.shapes().to_vec(), model.fingerprint(), model.card())
    }

    /// [`CostModel::new`] from what it needs of the model: the shapes of the layers, the
    /// fingerprint and the card (JSON text).
    ///
    /// # Errors
    /// Those of [`CostModel::new`].
    pub fn of(chip: Chip, network: Vec<LayerShape>, fingerprint: &str, card: &str) -> Result<Self, FitError> {
        let spec = chip.spec;
        // Each pooling halves the image, so this is the smallest that leaves a pixel.
        let halvings = network.iter().filter(|layer| layer.pool).count();
        let smallest = 1usize.checked_shl(u32::try_from(halvings).unwrap_or(u32::MAX)).unwrap_or(usize::MAX);
        let smallest = smallest.clamp(SMALLEST_PLAN, 1 << 16);
        let least = spec.pass(&network, smallest);
        let weight_bytes = least.weight_bytes();
        if weight_bytes > spec.weight_memory_bytes {
            return Err(FitError::WeightMemory { chip: chip.name, has: spec.weight_memory_bytes, needs: weight_bytes });
        }
        if least.buffer_bytes > spec.image_buffer_bytes {
            return Err(FitError::ImageBuffer {
                chip: chip.name,
                has: spec.image_buffer_bytes,
                side: smallest,
                needs: least.buffer_bytes,
                descriptors_need: spec.pass(&network, INPUT_SIDE).buffer_bytes,
            });
        }
        let model = ModelFacts {
            fingerprint: fingerprint.to_owned(),
            weights: network.iter().map(|layer| layer.weights() as u64).sum(),
            weight_bytes,
            card: serde_json::from_str(card).unwrap_or_else(|_| card.into()),
        };
        Ok(Self { largest_input: spec.largest_input(&network), chip, network, model })
    }

    /// Whether the chip can run the passes that descriptors are made of.
    ///
    /// # Errors
    /// [`FitError::Descriptors`].
    pub fn gives_descriptors(&self) -> Result<(), FitError> {
        if self.largest_input >= INPUT_SIDE {
            return Ok(());
        }
        Err(FitError::Descriptors {
            chip: self.chip.name.clone(),
            has: self.chip.spec.image_buffer_bytes,
            needs: self.chip.spec.pass(&self.network, INPUT_SIDE).buffer_bytes,
            largest: self.largest_input,
        })
    }

    /// The chip's numbers.
    pub fn spec(&self) -> &ChipSpec {
        &self.chip.spec
    }

    /// Everything for an image of `width` x `height` pixels (at least one each).
    pub fn report(&self, width: u32, height: u32) -> ChipReport {
        let enough = self.largest_input >= INPUT_SIDE;
        let other = self.largest_side() != INPUT_SIDE;
        ChipReport {
            note: ChipReport::NOTE,
            chip: self.facts(),
            model: self.model.clone(),
            pass: self.chip.spec.pass(&self.network, self.usual_side()),
            plan: enough.then(|| self.plan(width, height, INPUT_SIDE)),
            what_if: other.then(|| self.plan(width, height, self.largest_side())),
        }
    }

    /// The plan of an image on this chip, at the side of Eyrie's passes where the image buffer
    /// holds them, else at the largest that it holds.
    pub fn usual_plan(&self, width: u32, height: u32) -> ImagePlan {
        self.plan(width, height, self.usual_side())
    }

    /// What one pass over the whole image would cost, were it not scaled or cut.
    pub fn whole_pass(&self, width: u32, height: u32) -> WholePass {
        let spec = &self.chip.spec;
        let layers = spec.layers(&self.network, height as usize, width as usize);
        WholePass {
            fits: layers.iter().all(|layer| layer.buffer_bytes() <= spec.image_buffer_bytes),
            milliseconds: spec.milliseconds(layers.iter().map(|layer| layer.cycles).sum()),
            millijoules: spec.millijoules(layers.iter().map(|layer| layer.macs).sum()),
        }
    }

    /// Plans are made of squares with an even side.
    fn largest_side(&self) -> usize {
        self.largest_input & !1
    }

    fn usual_side(&self) -> usize {
        self.largest_side().min(INPUT_SIDE)
    }

    fn facts(&self) -> ChipFacts {
        let Chip { name, source, spec } = &self.chip;
        ChipFacts {
            name: name.clone(),
            source: source.clone(),
            engines: spec.engines,
            tile: spec.tile,
            image_buffer_bytes: spec.image_buffer_bytes,
            weight_memory_bytes: spec.weight_memory_bytes,
            clock_mhz: spec.clock_mhz,
            energy_pj_per_mac: spec.energy_pj_per_mac,
            peak_macs_per_cycle: spec.peak_macs_per_cycle(),
            largest_input: narrow(self.largest_input),
            gives_descriptors: self.largest_input >= INPUT_SIDE,
        }
    }

    fn plan(&self, width: u32, height: u32, side: usize) -> ImagePlan {
        let plan = RegionPlan::new(width, height, narrow(side));
        let pass = self.chip.spec.pass(&self.network, side);
        let profiles = Profile::ALL.map(|profile| {
            let passes = plan.passes(profile);
            let (macs, cycles) = (pass.macs * u64::from(passes), pass.cycles * u64::from(passes));
            ProfileCost {
                profile,
                passes,
                macs,
                cycles,
                chip_milliseconds: self.chip.spec.milliseconds(cycles),
                energy_millijoules: self.chip.spec.millijoules(macs),
            }
        });
        ImagePlan {
            width,
            height,
            input_side: narrow(side),
            canvas_width: plan.canvas_width,
            canvas_height: plan.canvas_height,
            sub_images: plan.sub_images,
            profiles: profiles.to_vec(),
        }
    }
}

/// Sides and channels, which are far below 2^32.
fn narrow(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::describe::SubImage;
    use eyrie_chip::{LayerCost, VGG16};

    fn on(chip: Chip) -> Result<CostModel, FitError> {
        CostModel::of(chip, VGG16.to_vec(), "0123456789abcdef", r#"{"licence": "none"}"#)
    }

    fn built_in(name: &str) -> CostModel {
        on(Chip::load(name).expect(name)).expect(name)
    }

    fn spoiled(spoil: impl Fn(&mut ChipSpec)) -> Result<CostModel, FitError> {
        let mut chip = Chip::load("default").expect("valid");
        spoil(&mut chip.spec);
        on(chip)
    }

    #[test]
    fn a_4_to_3_image_takes_10_passes_of_rnip_on_the_default_chip() {
        let report = built_in("default").report(640, 480);
        let plan = report.plan.expect("224 fits");
        assert_eq!((plan.input_side, plan.canvas_width, plan.canvas_height), (224, 448, 336));
        assert_eq!(plan.sub_images.len(), 6);
        assert_eq!((plan.sub_images[1], plan.sub_images[5]), (SubImage { x: 112, y: 0 }, SubImage { x: 224, y: 112 }));
        let passes: Vec<u32> = plan.profiles.iter().map(|cost| cost.passes).collect();
        assert_eq!(passes, [1, 4, 10]);
        let rnip = &plan.profiles[2];
        assert_eq!((rnip.cycles, rnip.macs), (10 * 557_056, 10 * 15_346_630_656));
        assert!((rnip.chip_milliseconds - 69.632).abs() < 1e-9, "{}", rnip.chip_milliseconds);
        assert_eq!(report.what_if, None, "224 is the largest input");
        assert_eq!((report.chip.largest_input, report.chip.gives_descriptors), (224, true));
        assert_eq!(report.model.weights, 14_710_464);
        assert_eq!(report.model.card["licence"], "none");
    }

    #[test]
    fn the_layers_add_up_to_the_pass() {
        let pass = built_in("default").report(1, 1).pass;
        assert_eq!(pass.layers.len(), 13);
        assert_eq!(pass.layers.iter().map(|layer| layer.cycles).sum::<u64>(), pass.cycles);
        assert_eq!(pass.layers.iter().map(|layer| layer.macs).sum::<u64>(), pass.macs);
        let milliseconds: f64 = pass.layers.iter().map(|layer| layer.chip_milliseconds).sum();
        assert!((milliseconds - pass.chip_milliseconds).abs() < 1e-9);
        let largest = pass.layers.iter().map(LayerCost::buffer_bytes).max();
        assert_eq!(largest, Some(pass.buffer_bytes));
        // 15,346,630,656 / (557,056 * 28,224)
        assert!((pass.utilization - 0.976_10).abs() < 1e-5, "{}", pass.utilization);
    }

    #[test]
    fn a_larger_chip_still_runs_passes_of_224_and_says_what_448_would_cost() {
        let model = built_in("large");
        assert_eq!(model.gives_descriptors(), Ok(()));
        let report = model.report(640, 480);
        assert_eq!((report.chip.largest_input, report.pass.input_side), (448, 224));
        assert_eq!(report.plan.expect("224 fits").input_side, 224);
        let what_if = report.what_if.expect("448 is larger");
        assert_eq!((what_if.input_side, what_if.canvas_width, what_if.canvas_height), (448, 896, 672));
        // Four times the pixels of each layer.
        assert_eq!(what_if.profiles[0].macs, 4 * 15_346_630_656);
    }

    #[test]
    fn a_chip_that_holds_less_than_224_cannot_give_descriptors_and_says_what_would_do() {
        let model = built_in("small");
        assert_eq!(
            model.gives_descriptors().expect_err("112").to_string(),
            "the chip \"small\" cannot give Eyrie's descriptors: they are made of passes of 224x224 pixels, which need \
             4014080 bytes of image buffer; its 1003520 bytes hold 112x112 pixels at most"
        );
        let report = model.report(640, 480);
        assert!(!report.chip.gives_descriptors && report.plan.is_none());
        assert_eq!((report.pass.input_side, report.what_if.expect("112").input_side), (112, 112));
        assert_eq!(model.usual_plan(640, 480).input_side, 112);
    }

    #[test]
    fn a_network_that_does_not_fit_is_refused_with_what_would_do() {
        assert_eq!(
            spoiled(|spec| spec.weight_memory_bytes = 3_702_959).expect_err("a byte too few").to_string(),
            "the chip \"default\" cannot run this network: its weight memory has 3702959 bytes, and the network needs \
             3702960 (weight_memory_bytes = 3702960 would do)"
        );
        assert!(spoiled(|spec| spec.weight_memory_bytes = 3_702_960).is_ok());
        assert_eq!(
            spoiled(|spec| spec.image_buffer_bytes = 81_919).expect_err("a byte too few").to_string(),
            "the chip \"default\" cannot run this network: its image buffer has 81919 bytes, and the smallest image that \
             its poolings leave something of, 32x32 pixels, needs 81920; passes of 224x224 pixels, which descriptors are \
             made of, need 4014080"
        );
        let smallest = spoiled(|spec| spec.image_buffer_bytes = 81_920).expect("32x32 fits");
        assert_eq!(smallest.report(640, 480).chip.largest_input, 32);
    }

    #[test]
    fn an_odd_largest_input_is_planned_with_the_even_side_below() {
        let model = spoiled(|spec| spec.image_buffer_bytes = 225 * 225 * 80).expect("fits");
        let report = model.report(640, 480);
        assert_eq!((report.chip.largest_input, report.what_if), (225, None));
        let model = spoiled(|spec| spec.image_buffer_bytes = 227 * 227 * 80).expect("fits");
        assert_eq!(model.report(640, 480).what_if.expect("226").input_side, 226);
    }

    #[test]
    fn the_cost_of_an_image_follows_its_shape_and_not_its_size() {
        let model = built_in("default");
        let rnip = |width, height| model.usual_plan(width, height).profiles[2].passes;
        assert_eq!((rnip(640, 480), rnip(4000, 3000), rnip(48, 64)), (10, 10, 10));
        // From the square to 2:1 never fewer, and at most 14 whatever the shape.
        let wider: Vec<u32> = (100..=200).map(|width| rnip(width, 100)).collect();
        assert!(wider.is_sorted() && wider[0] == 8 && wider[100] == 14, "{wider:?}");
        assert_eq!(rnip(10_000, 1), 9);
    }

    #[test]
    fn one_pass_over_the_whole_image_costs_more_the_larger_it_is_and_fits_up_to_the_buffer() {
        let model = built_in("default");
        assert!(model.whole_pass(224, 224).fits && !model.whole_pass(225, 224).fits);
        assert!((model.whole_pass(224, 224).milliseconds - 6.9632).abs() < 1e-9);
        let mut last = 0.0;
        for short in 32..400 {
            let whole = model.whole_pass(short * 4 / 3, short);
            assert!(whole.milliseconds >= last && whole.millijoules[0] < whole.millijoules[1], "{short}");
            last = whole.milliseconds;
        }
    }

    #[test]
    fn a_card_that_is_no_json_is_reported_as_text() {
        let chip = Chip::load("default").expect("valid");
        let model = CostModel::of(chip, VGG16.to_vec(), "0", "a text").expect("fits");
        assert_eq!(model.report(1, 1).model.card, "a text");
    }
}
