//! The whole network, packed, and the memory that one pass needs.

use super::kernels::Kernels;
use super::layers::{Padded, Panel, conv, pad, pool, unpad};
use super::pack::PackedConv;
use super::{FeatureMap, ModelError, NetworkParams};

/// A validated network, packed for the kernels. Immutable; share it in an `Arc`.
#[derive(Debug)]
pub struct Network {
    padding: [u8; 3],
    layers: Vec<(PackedConv, bool)>,
}

impl Network {
    /// Validates (shapes, ranges, the proof that nothing overflows) and packs.
    ///
    /// # Errors
    /// Those of [`NetworkParams::validate`].
    pub fn new(params: &NetworkParams) -> Result<Self, ModelError> {
        params.validate()?;
        let layers =
            params.layers.iter().map(|layer| Ok((PackedConv::new(layer)?, layer.pool))).collect::<Result<_, _>>()?;
        Ok(Self { padding: params.padding, layers })
    }

    /// The bytes (R, G, B) that the network sees outside the image.
    pub fn padding(&self) -> [u8; 3] {
        self.padding
    }

    /// Height, width and channels of the output for an image of `height` x `width` pixels.
    pub fn output_shape(&self, height: usize, width: usize) -> (usize, usize, usize) {
        let mut shape = Padded { height, width, channels: 3 };
        for (layer, pooled) in &self.layers {
            shape = shape.with_channels(layer.cout);
            if *pooled {
                shape = shape.pooled();
            }
        }
        (shape.height, shape.width, shape.channels)
    }

    /// Bytes of the packed codes, multipliers and biases in memory.
    pub fn bytes(&self) -> usize {
        self.layers.iter().map(|(layer, _)| layer.codes.len() + 8 * layer.cout).sum()
    }

    /// One pass: an image in, the activations (0 to 31) of the last layer out.
    ///
    /// `rgb` holds `height * width` pixels of three bytes, row by row. The result depends on the network and the
    /// image alone, not on the kernels, the number of threads or what the arena held before.
    ///
    /// # Panics
    /// If `rgb` has another length, the image is so small that a pooling leaves nothing (below 32x32 for five
    /// poolings), or larger than the arena was made for.
    pub fn run<'a>(
        &self,
        kernels: Kernels,
        arena: &'a mut Arena,
        rgb: &[u8],
        height: usize,
        width: usize,
    ) -> &'a FeatureMap {
        assert_eq!(rgb.len(), height * width * 3, "bytes of a {height}x{width} image");
        let (out_height, out_width, out_channels) = self.output_shape(height, width);
        assert!(out_height > 0 && out_width > 0, "a {height}x{width} image is too small for this network");
        assert!(self.buffer_len(height, width) <= arena.front.len(), "a {height}x{width} image exceeds the arena");
        let Arena { front, back, panels, output } = arena;
        let (mut src, mut dst) = (front, back);
        let mut shape = Padded { height, width, channels: 4 };
        pad(rgb, 3, self.padding, shape, src);
        for (layer, pooled) in &self.layers {
            conv(kernels, layer, src, shape, dst, panels);
            std::mem::swap(&mut src, &mut dst);
            shape = shape.with_channels(layer.cout);
            if *pooled {
                pool(src, shape, dst, panels);
                std::mem::swap(&mut src, &mut dst);
                shape = shape.pooled();
            }
        }
        (output.height, output.width, output.channels) = (out_height, out_width, out_channels);
        output.data.resize(out_height * out_width * out_channels, 0);
        unpad(src, shape, &mut output.data);
        output
    }

    /// Bytes of the largest padded map of a pass.
    fn buffer_len(&self, height: usize, width: usize) -> usize {
        let mut shape = Padded { height, width, channels: 4 };
        let mut largest = shape.len();
        for (layer, pooled) in &self.layers {
            shape = shape.with_channels(layer.cout);
            largest = largest.max(shape.len());
            if *pooled {
                shape = shape.pooled();
            }
        }
        largest
    }
}

/// The memory of a pass: two maps to read from and write to in turn, a panel of weights for each thread, the result.
///
/// One lives in each worker; nothing is allocated during a pass.
#[derive(Debug)]
pub struct Arena {
    front: Vec<u8>,
    back: Vec<u8>,
    panels: Vec<Panel>,
    output: FeatureMap,
}

impl Arena {
    /// Memory for images of at most 224x224 pixels and passes of `threads` threads (at least one).
    pub fn new(network: &Network, threads: usize) -> Self {
        Self::with_input(network, 224, 224, threads)
    }

    /// Memory for images of at most `height` x `width` pixels (or others that need no more memory).
    pub fn with_input(network: &Network, height: usize, width: usize, threads: usize) -> Self {
        let buffer = network.buffer_len(height, width);
        let panel = network.layers.iter().map(|(layer, _)| layer.panel_len()).max().unwrap_or(0);
        let (out_height, out_width, out_channels) = network.output_shape(height, width);
        Self {
            front: vec![0; buffer],
            back: vec![0; buffer],
            panels: (0..threads.max(1)).map(|_| Panel::new(panel)).collect(),
            output: FeatureMap::zeros(out_height, out_width, out_channels),
        }
    }

    /// Threads of a pass.
    pub fn threads(&self) -> usize {
        self.panels.len()
    }

    /// Bytes of memory held.
    pub fn bytes(&self) -> usize {
        let panels: usize = self.panels.iter().map(Panel::bytes).sum();
        self.front.len() + self.back.len() + panels + self.output.data.capacity()
    }
}
