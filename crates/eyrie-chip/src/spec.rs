//! What a pass would cost on the chip: cycles, memory, time and energy.
//!
//! This is a model, not a measurement. Cycles and bytes follow from the chip's geometry, which is
//! an assumption of this project after public facts of CNN accelerators of this family (B. Sun et
//! al., "Ultra Power-Efficient CNN Domain Specific Accelerator with 9.3TOPS/Watt for Mobile and
//! Embedded Applications", arXiv 1805.00361); time and energy are estimates. `docs/CHIP.md` says
//! what is published and what is assumed.

use crate::cost::{LayerCost, PassCost};
use crate::params::LayerShape;

/// Bits of an activation in the image buffer.
const ACTIVATION_BITS: u64 = 5;

/// Bits of a channel of the image in the image buffer.
const PIXEL_BITS: u64 = 8;

/// Bits of a weight's code.
const CODE_BITS: u64 = 2;

/// Bytes of the multiplier (12 bits in two bytes) and the bias (four bytes) of an output channel.
const CHANNEL_BYTES: u64 = 2 + 4;

/// Pixels of a convolution's window.
const WINDOW: u64 = 9;

/// The chip.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChipSpec {
    /// Convolution engines; each one works on another input channel, and on another output channel
    /// in each cycle.
    pub engines: u64,
    /// Side of the square of pixels that an engine convolves at once; one 3x3 window a pixel and
    /// cycle.
    pub tile: u64,
    /// Bytes of the memory that holds the input and the output of a layer.
    pub image_buffer_bytes: u64,
    /// Bytes of the memory that holds the codes, multipliers and biases of the whole network.
    pub weight_memory_bytes: u64,
    /// Clock in megahertz.
    pub clock_mhz: f64,
    /// Least and most energy of a multiply-accumulate in picojoules.
    pub energy_pj_per_mac: [f64; 2],
}

impl Default for ChipSpec {
    /// `config/chips/default.toml` has the same numbers.
    fn default() -> Self {
        Self {
            engines: 16,
            tile: 14,
            // 224 x 224 pixels of 64 + 64 channels at 5 bits: input and output of VGG-16's conv1_2,
            // its largest layer.
            image_buffer_bytes: 224 * 224 * (64 + 64) * ACTIVATION_BITS / 8,
            // An assumption: the next power of two above what VGG-16 needs.
            weight_memory_bytes: 4 << 20,
            // An assumption: the paper states more than 140 images of 224x224 a second. If these
            // were passes of VGG-16, 140 * 557,056 cycles were 78 MHz.
            clock_mhz: 80.0,
            // Two published operating points that disagree: less than 300 mW at more than 140
            // images a second, if an image is a pass of VGG-16 (15.35 GMAC), and 9.3 TOPS/W at two
            // operations a multiply-accumulate.
            energy_pj_per_mac: [0.140, 0.215],
        }
    }
}

impl ChipSpec {
    /// The most multiply-accumulates of a cycle: `engines * tile^2 * 9`.
    pub fn peak_macs_per_cycle(&self) -> u64 {
        self.engines * self.tile * self.tile * WINDOW
    }

    /// Clock cycles of one 3x3 convolution over `height` x `width` pixels:
    /// `ceil(H / tile) * ceil(W / tile) * engines * ceil(Cin / engines) * ceil(Cout / engines)`.
    pub fn cycles(&self, height: usize, width: usize, cin: usize, cout: usize) -> u64 {
        let tiles = (height as u64).div_ceil(self.tile) * (width as u64).div_ceil(self.tile);
        let inputs = self.engines * (cin as u64).div_ceil(self.engines);
        tiles * inputs * (cout as u64).div_ceil(self.engines)
    }

    /// What `cycles` of a layer with activations for inputs would be if the engines, with as many
    /// multipliers (of bytes), computed their tile of `tile` x `tile` pixels by F(2x2, 3x3), 16
    /// products for four pixels. An extension of this project: no published chip does it.
    pub fn cycles_by_winograd(cycles: u64, tile: u64) -> u64 {
        let products = 16 * tile.div_ceil(2).pow(2);
        (cycles * products).div_ceil(tile * tile * WINDOW)
    }

    /// The share, 0 to 1, of the multiply-accumulates that the chip could do in these cycles which
    /// are of use.
    pub fn utilization(&self, macs: u64, cycles: u64) -> f64 {
        macs as f64 / (cycles as f64 * self.peak_macs_per_cycle() as f64)
    }

    /// Time of these cycles in milliseconds.
    pub fn milliseconds(&self, cycles: u64) -> f64 {
        cycles as f64 / (self.clock_mhz * 1e3)
    }

    /// Least and most energy of these multiply-accumulates in millijoules; an estimate.
    pub fn millijoules(&self, macs: u64) -> [f64; 2] {
        self.energy_pj_per_mac.map(|energy| macs as f64 * energy * 1e-9)
    }

    /// The cost of each layer of a pass over an image of `height` x `width` pixels, whether or not
    /// the chip's memories hold it.
    pub fn layers(&self, network: &[LayerShape], height: usize, width: usize) -> Vec<LayerCost> {
        let (mut rows, mut columns) = (height, width);
        let mut layers = Vec::with_capacity(network.len());
        for layer in network {
            let pixels = (rows * columns) as u64;
            let (cin, cout) = (layer.cin as u64, layer.cout as u64);
            let input_bits = if cin == 3 { PIXEL_BITS } else { ACTIVATION_BITS };
            let macs = pixels * layer.weights() as u64;
            let cycles = self.cycles(rows, columns, layer.cin, layer.cout);
            layers.push(LayerCost {
                name: layer.name.clone().into_owned(),
                height: narrow(rows),
                width: narrow(columns),
                input_channels: narrow(layer.cin),
                output_channels: narrow(layer.cout),
                macs,
                cycles,
                utilization: self.utilization(macs, cycles),
                input_bytes: (pixels * cin * input_bits).div_ceil(8),
                output_bytes: (pixels * cout * ACTIVATION_BITS).div_ceil(8),
                weight_bytes: (layer.weights() as u64 * CODE_BITS).div_ceil(8) + cout * CHANNEL_BYTES,
                chip_milliseconds: self.milliseconds(cycles),
                energy_millijoules: self.millijoules(macs),
            });
            if layer.pool {
                (rows, columns) = (rows / 2, columns / 2);
            }
        }
        layers
    }

    /// The cost of a pass over a square image of `side` pixels a side, whether or not the chip's
    /// memories hold it.
    pub fn pass(&self, network: &[LayerShape], side: usize) -> PassCost {
        let layers = self.layers(network, side, side);
        let macs = layers.iter().map(|layer| layer.macs).sum();
        let cycles = layers.iter().map(|layer| layer.cycles).sum();
        PassCost {
            input_side: narrow(side),
            macs,
            cycles,
            utilization: self.utilization(macs, cycles),
            buffer_bytes: layers.iter().map(LayerCost::buffer_bytes).max().unwrap_or(0),
            chip_milliseconds: self.milliseconds(cycles),
            energy_millijoules: self.millijoules(macs),
            layers,
        }
    }

    /// Whether the image buffer holds every layer of a pass over an image of `height` x `width`
    /// pixels.
    pub fn holds(&self, network: &[LayerShape], height: usize, width: usize) -> bool {
        self.layers(network, height, width).iter().all(|layer| layer.buffer_bytes() <= self.image_buffer_bytes)
    }

    /// Pixels a side of the largest square image whose every layer fits the image buffer; 0 if none
    /// does.
    pub fn largest_input(&self, network: &[LayerShape]) -> usize {
        let holds = |side: usize| self.holds(network, side, side);
        // Sizes grow with the side, so the last that fits lies between a doubling that fits and one
        // that does not.
        let mut above = 1;
        while holds(above) && above < 1 << 16 {
            above *= 2;
        }
        let mut least = above / 2;
        while above - least > 1 {
            let middle = least.midpoint(above);
            if holds(middle) { least = middle } else { above = middle }
        }
        least
    }
}

/// Sides and channels, which are far below 2^32.
fn narrow(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::VGG16;

    fn pass(side: usize) -> PassCost {
        ChipSpec::default().pass(&VGG16, side)
    }

    #[test]
    fn a_pass_of_vgg16_at_224_takes_557056_cycles_and_15_35_gmac() {
        let report = pass(224);
        assert_eq!(report.cycles, 557_056);
        assert_eq!(report.macs, 15_346_630_656);
        let cycles: Vec<u64> = report.layers.iter().map(|layer| layer.cycles).collect();
        let expected = [16, 64, 32, 64, 32, 64, 64, 32, 64, 64, 16, 16, 16].map(|k| k * 1024);
        assert_eq!(cycles, expected);
        assert_eq!((report.layers[12].height, report.layers[12].width), (14, 14));
        assert!((report.chip_milliseconds - 6.9632).abs() < 1e-9, "{}", report.chip_milliseconds);
        let [least, most] = report.energy_millijoules;
        assert!((least - 2.1485).abs() < 1e-3 && (most - 3.2995).abs() < 1e-3);
    }

    #[test]
    fn the_memories_of_two_small_layers_are_those_worked_out_by_hand() {
        // 32x32 pixels of 3 bytes in, 64 channels of 5 bits out; then 64 in and out.
        let report = ChipSpec::default().pass(&VGG16[..2], 32);
        let [first, second] = &report.layers[..] else { panic!("two layers") };
        assert_eq!((first.input_bytes, first.output_bytes), (3072, 40_960));
        assert_eq!((second.input_bytes, second.output_bytes), (40_960, 40_960));
        assert_eq!(report.buffer_bytes, 81_920);
        // 9 * 3 * 64 codes are 432 bytes, 9 * 64 * 64 are 9,216; 64 channels have 6 bytes each.
        assert_eq!((first.weight_bytes, second.weight_bytes), (432 + 384, 9216 + 384));
        assert_eq!(report.weight_bytes(), 10_416);
        // 3x3 tiles of 14x14; 16 of 3 input channels and four groups of 16 output channels; then
        // four and four groups.
        assert_eq!((first.cycles, second.cycles), (9 * 16 * 4, 9 * 64 * 4));
    }

    #[test]
    fn the_whole_network_takes_the_bytes_that_the_model_file_has_for_it() {
        let report = pass(224);
        assert_eq!(report.weight_bytes(), 3_677_616 + 25_344);
        assert!(report.weight_bytes() <= ChipSpec::default().weight_memory_bytes);
        assert_eq!(report.weight_bytes(), pass(32).weight_bytes(), "whatever the image");
    }

    #[test]
    fn full_tiles_and_full_groups_of_channels_use_the_whole_chip_and_three_channels_a_fraction() {
        let spec = ChipSpec::default();
        assert_eq!(spec.peak_macs_per_cycle(), 28_224);
        let layers = pass(224).layers;
        assert!((layers[1].utilization - 1.0).abs() < 1e-12);
        assert!((layers[0].utilization - 3.0 / 16.0).abs() < 1e-12);
        for side in [32, 100, 224, 225] {
            for layer in pass(side).layers {
                assert!(layer.utilization <= 1.0, "{} at {side}", layer.name);
            }
        }
    }

    #[test]
    fn the_buffer_holds_224_and_not_a_pixel_more() {
        let spec = ChipSpec::default();
        assert_eq!(spec.image_buffer_bytes, 4_014_080);
        assert_eq!(spec.largest_input(&VGG16), 224);
        assert_eq!(pass(224).buffer_bytes, spec.image_buffer_bytes);
        assert!(!spec.holds(&VGG16, 225, 224));
        let with = |image_buffer_bytes| ChipSpec { image_buffer_bytes, ..spec };
        assert_eq!(with(4 * spec.image_buffer_bytes).largest_input(&VGG16), 448);
        assert_eq!(with(80).largest_input(&VGG16), 1);
        assert_eq!(with(10).largest_input(&VGG16), 0);
    }

    #[test]
    fn a_larger_image_never_costs_less_and_a_larger_buffer_never_holds_less() {
        let mut last = (0, 0, 0);
        for side in 32..300 {
            let report = pass(side);
            let cost = (report.macs, report.cycles, report.buffer_bytes);
            assert!(cost.0 > last.0 && cost.1 >= last.1 && cost.2 > last.2, "{side}");
            last = cost;
        }
        let largest = |bytes: u64| ChipSpec { image_buffer_bytes: bytes, ..ChipSpec::default() }.largest_input(&VGG16);
        let sides: Vec<usize> = (1..60).map(|i| largest(i * 100_000)).collect();
        assert!(sides.is_sorted(), "{sides:?}");
    }

    #[test]
    fn winograd_takes_four_ninths_of_the_cycles_where_tiles_are_even() {
        assert_eq!(ChipSpec::cycles_by_winograd(65_536, 14), 29_128);
        assert_eq!(ChipSpec::cycles_by_winograd(9, 2), 4);
        // Four tiles of 2x2 for nine pixels: 64 products of 81.
        assert_eq!(ChipSpec::cycles_by_winograd(81, 3), 64);
        assert_eq!(ChipSpec::cycles_by_winograd(1, 14), 1, "a cycle that has begun");
    }

    #[test]
    fn a_partial_tile_costs_as_much_as_a_full_one() {
        let spec = ChipSpec::default();
        assert_eq!(spec.cycles(14, 14, 64, 64), spec.cycles(1, 9, 64, 64));
        assert_eq!(spec.cycles(15, 14, 64, 64), 2 * spec.cycles(14, 14, 64, 64));
        assert_eq!(spec.cycles(14, 14, 3, 64), spec.cycles(14, 14, 16, 64));
    }
}
