//! What a pass would cost on the chip: cycles, buffer, time and energy.
//!
//! This is a model, not a measurement. Its shape follows public facts of CNN accelerators of this family (28 nm, 16
//! engines of 14x14 pixels, one 3x3 window a pixel and cycle, everything on the chip; B. Sun et al., "Ultra
//! Power-Efficient CNN Domain Specific Accelerator with 9.3TOPS/Watt for Mobile and Embedded Applications",
//! arXiv 1805.00361); the clock and the energy are derived from its published figures as stated at each field.

use super::NetworkParams;

/// Bits of an activation in the image buffer.
const ACTIVATION_BITS: u64 = 5;

/// Bits of a channel of the image in the image buffer.
const PIXEL_BITS: u64 = 8;

/// The chip.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChipSpec {
    /// Convolution engines; each one works on another input channel, and on another output channel in each cycle.
    pub engines: u64,
    /// Side of the square of pixels that an engine convolves at once; one 3x3 window a pixel and cycle.
    pub tile: u64,
    /// Bytes of the buffer that holds the input and the output of a layer.
    pub buffer_bytes: u64,
    /// Clock in megahertz.
    pub clock_mhz: f64,
    /// Least and most energy of a multiply-accumulate in picojoules.
    pub energy_pj_per_mac: (f64, f64),
}

impl Default for ChipSpec {
    fn default() -> Self {
        Self {
            engines: 16,
            tile: 14,
            // 224 x 224 pixels of 64 + 64 channels at 5 bits: input and output of VGG-16's conv1_2, its largest layer.
            buffer_bytes: 224 * 224 * (64 + 64) * ACTIVATION_BITS / 8,
            // An assumption: the paper states more than 140 images of 224x224 a second, and 140 * 557,056 cycles are
            // 78 MHz.
            clock_mhz: 80.0,
            // Two published operating points that disagree: 300 mW at 140 images of 15.35 GMAC a second, and
            // 9.3 TOPS/W at two operations a multiply-accumulate.
            energy_pj_per_mac: (0.140, 0.215),
        }
    }
}

/// The cost of one layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerCost {
    /// For example `conv3_2`.
    pub name: String,
    /// Rows of the convolution's input and output.
    pub height: usize,
    /// Columns of the convolution's input and output.
    pub width: usize,
    /// Multiply-accumulates.
    pub macs: u64,
    /// Clock cycles.
    pub cycles: u64,
    /// Bytes of the buffer that the input and the output (before pooling) take.
    pub buffer_bytes: u64,
}

/// The cost of one or more passes.
#[derive(Debug, Clone, PartialEq)]
pub struct CostReport {
    /// Passes of the network: one for each sub-image.
    pub passes: u64,
    /// Layer by layer, for one pass.
    pub layers: Vec<LayerCost>,
    /// Multiply-accumulates of all passes.
    pub macs: u64,
    /// Clock cycles of all passes.
    pub cycles: u64,
    /// Bytes of the buffer that the largest layer takes.
    pub buffer_bytes: u64,
    /// Whether the buffer is large enough.
    pub fits: bool,
    /// Time of all passes in milliseconds.
    pub milliseconds: f64,
    /// Least and most energy of all passes in millijoules; an estimate.
    pub millijoules: (f64, f64),
}

impl ChipSpec {
    /// Clock cycles of one 3x3 convolution over `height` x `width` pixels:
    /// `ceil(H / tile) * ceil(W / tile) * engines * ceil(Cin / engines) * ceil(Cout / engines)`.
    pub fn cycles(&self, height: usize, width: usize, cin: usize, cout: usize) -> u64 {
        let tiles = (height as u64).div_ceil(self.tile) * (width as u64).div_ceil(self.tile);
        let inputs = self.engines * (cin as u64).div_ceil(self.engines);
        tiles * inputs * (cout as u64).div_ceil(self.engines)
    }

    /// The cost of `passes` passes over images of `height` x `width` pixels.
    pub fn cost(&self, network: &NetworkParams, height: usize, width: usize, passes: u64) -> CostReport {
        let (mut rows, mut columns) = (height, width);
        let mut layers = Vec::with_capacity(network.layers.len());
        for layer in &network.layers {
            let pixels = (rows * columns) as u64;
            let bits = if layer.cin == 3 { PIXEL_BITS } else { ACTIVATION_BITS };
            let buffer_bits = pixels * (layer.cin as u64 * bits + layer.cout as u64 * ACTIVATION_BITS);
            layers.push(LayerCost {
                name: layer.name.clone(),
                height: rows,
                width: columns,
                macs: pixels * layer.weights() as u64,
                cycles: self.cycles(rows, columns, layer.cin, layer.cout),
                buffer_bytes: buffer_bits.div_ceil(8),
            });
            if layer.pool {
                (rows, columns) = (rows / 2, columns / 2);
            }
        }
        let macs = passes * layers.iter().map(|layer| layer.macs).sum::<u64>();
        let cycles = passes * layers.iter().map(|layer| layer.cycles).sum::<u64>();
        let buffer_bytes = layers.iter().map(|layer| layer.buffer_bytes).max().unwrap_or(0);
        let millijoules = |pj: f64| macs as f64 * pj * 1e-9;
        CostReport {
            passes,
            macs,
            cycles,
            buffer_bytes,
            fits: buffer_bytes <= self.buffer_bytes,
            milliseconds: cycles as f64 / (self.clock_mhz * 1e3),
            millijoules: (millijoules(self.energy_pj_per_mac.0), millijoules(self.energy_pj_per_mac.1)),
            layers,
        }
    }

    /// Pixels a side of the largest square image whose every layer fits the buffer; 0 if none does.
    pub fn largest_input(&self, network: &NetworkParams) -> usize {
        let fits = |side: usize| self.cost(network, side, side, 1).fits;
        // Sizes grow with the side, so the last that fits lies between a doubling that fits and one that does not.
        let mut above = 1;
        while fits(above) && above < 1 << 16 {
            above *= 2;
        }
        let mut least = above / 2;
        while above - least > 1 {
            let middle = least.midpoint(above);
            if fits(middle) { least = middle } else { above = middle }
        }
        least
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asic::VGG16;

    fn vgg16() -> NetworkParams {
        NetworkParams::pseudo_random(1, &VGG16)
    }

    #[test]
    fn a_pass_of_vgg16_at_224_takes_557056_cycles_and_15_35_gmac() {
        let report = ChipSpec::default().cost(&vgg16(), 224, 224, 1);
        assert_eq!(report.cycles, 557_056);
        assert_eq!(report.macs, 15_346_630_656);
        let cycles: Vec<u64> = report.layers.iter().map(|layer| layer.cycles).collect();
        let expected = [16, 64, 32, 64, 32, 64, 64, 32, 64, 64, 16, 16, 16].map(|k| k * 1024);
        assert_eq!(cycles, expected);
        assert_eq!((report.layers[12].height, report.layers[12].width), (14, 14));
        assert!((report.milliseconds - 6.9632).abs() < 1e-9, "{}", report.milliseconds);
        assert!((report.millijoules.0 - 2.1485).abs() < 1e-3 && (report.millijoules.1 - 3.2995).abs() < 1e-3);
    }

    #[test]
    fn no_layer_needs_fewer_cycles_than_the_engines_have_products_for() {
        let spec = ChipSpec::default();
        let per_cycle = spec.engines * spec.tile * spec.tile * 9;
        assert_eq!(per_cycle, 28_224);
        for side in [32, 100, 224, 225] {
            for layer in spec.cost(&vgg16(), side, side, 1).layers {
                assert!(layer.macs <= layer.cycles * per_cycle, "{} at {side}", layer.name);
            }
        }
    }

    #[test]
    fn the_buffer_holds_224_and_not_a_pixel_more() {
        let (spec, network) = (ChipSpec::default(), vgg16());
        assert_eq!(spec.buffer_bytes, 4_014_080);
        assert_eq!(spec.largest_input(&network), 224);
        assert_eq!(spec.cost(&network, 224, 224, 1).buffer_bytes, spec.buffer_bytes);
        assert!(!spec.cost(&network, 225, 224, 1).fits);
        assert_eq!(ChipSpec { buffer_bytes: 4 * spec.buffer_bytes, ..spec }.largest_input(&network), 448);
        assert_eq!(ChipSpec { buffer_bytes: 10, ..spec }.largest_input(&network), 0);
    }

    #[test]
    fn passes_multiply_all_but_the_buffer() {
        let (spec, network) = (ChipSpec::default(), vgg16());
        let (one, nine) = (spec.cost(&network, 224, 224, 1), spec.cost(&network, 224, 224, 9));
        assert_eq!((nine.cycles, nine.macs), (9 * one.cycles, 9 * one.macs));
        assert_eq!(nine.buffer_bytes, one.buffer_bytes);
        assert!((nine.milliseconds - 9.0 * one.milliseconds).abs() < 1e-9);
    }

    #[test]
    fn a_partial_tile_costs_as_much_as_a_full_one() {
        let spec = ChipSpec::default();
        assert_eq!(spec.cycles(14, 14, 64, 64), spec.cycles(1, 9, 64, 64));
        assert_eq!(spec.cycles(15, 14, 64, 64), 2 * spec.cycles(14, 14, 64, 64));
        assert_eq!(spec.cycles(14, 14, 3, 64), spec.cycles(14, 14, 16, 64));
    }
}
