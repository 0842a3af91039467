//! The whole network, packed, and the memory that one pass needs.

use std::sync::Arc;

use crate::feature_map::FeatureMap;
use crate::kernels::Kernels;
use crate::layers::{conv_and_pool, pad, unpad};
use crate::pack::PackedConv;
use crate::padded::Padded;
use crate::params::NetworkParams;
use crate::scratch::Scratch;
use crate::team::Team;

/// A network, packed for the kernels. Immutable; share it in an `Arc`.
#[derive(Debug)]
pub struct Network {
    padding: [u8; 3],
    layers: Vec<(PackedConv, bool)>,
    /// The last layer but the final one that a pooling follows.
    middle: Option<usize>,
}

/// What a batch of passes yields, in the order of the images: activations, 0 to 31.
#[derive(Debug, Clone, Copy)]
pub struct Maps<'a> {
    /// The map after the last pooling before that of the last layer (pool4 of VGG-16); none where
    /// no earlier layer pools.
    pub middle: &'a [FeatureMap],
    /// The map of the last layer (pool5 of VGG-16).
    pub last: &'a [FeatureMap],
}

impl Network {
    /// Packs.
    pub fn new(params: &NetworkParams) -> Self {
        let layers = params.layers();
        let middle = layers[..layers.len() - 1].iter().rposition(|layer| layer.pool);
        let packed = layers.iter().map(|layer| (PackedConv::new(layer), layer.pool)).collect();
        Self { padding: params.padding(), layers: packed, middle }
    }

    /// The bytes (R, G, B) that the network sees outside the image.
    pub fn padding(&self) -> [u8; 3] {
        self.padding
    }

    /// Height, width and channels of the last map for an image of `height` x `width` pixels.
    pub fn output_shape(&self, height: usize, width: usize) -> (usize, usize, usize) {
        self.shape_after(self.layers.len(), height, width)
    }

    /// Height, width and channels of the middle map ([`Maps::middle`]), if there is one.
    pub fn middle_shape(&self, height: usize, width: usize) -> Option<(usize, usize, usize)> {
        self.middle.map(|middle| self.shape_after(middle + 1, height, width))
    }

    fn shape_after(&self, layers: usize, height: usize, width: usize) -> (usize, usize, usize) {
        let mut shape = Padded { height, width, channels: 3 };
        for (layer, pooled) in &self.layers[..layers] {
            shape = shape.with_channels(layer.cout);
            if *pooled {
                shape = shape.pooled();
            }
        }
        (shape.height, shape.width, shape.channels)
    }

    /// Bytes of the packed codes, and of the numbers kept beside them, in memory.
    pub fn bytes(&self) -> usize {
        self.layers.iter().map(|(layer, _)| layer.bytes()).sum()
    }

    /// Products that a pass over an image of `height` x `width` pixels computes with these kernels:
    /// the multiply-accumulates of the definition, or fewer by Winograd's tiles.
    pub fn products(&self, kernels: Kernels, height: usize, width: usize) -> u64 {
        let mut shape = Padded { height, width, channels: 4 };
        let mut products = 0;
        for (number, (layer, pooled)) in self.layers.iter().enumerate() {
            let cin = if number == 0 { 3 } else { layer.cin };
            let of_a_channel = match kernels.winograd(layer, shape, *pooled) {
                Some((tile, _)) => tile.products(shape.height, shape.width, *pooled),
                None => 9 * shape.height * shape.width,
            };
            products += of_a_channel as u64 * (cin * layer.cout) as u64;
            shape = shape.with_channels(layer.cout);
            if *pooled {
                shape = shape.pooled();
            }
        }
        products
    }

    /// One pass for each image of a batch: images in, two maps of each out.
    ///
    /// `rgb` holds the images one after the other, `height * width` pixels of three bytes each, row
    /// by row. The result depends on the network and the images alone, not on the kernels, the
    /// number of threads, the company that an image is in, or what the arena held before.
    ///
    /// The layers whose weights are small beside their maps run image by image, with the maps of
    /// one image in memory. From the first layer on where it is the other way round, the batch
    /// passes each layer together and shares every expanded block of weights.
    ///
    /// # Panics
    /// If `rgb` is empty or no whole number of images, if an image is so small that a pooling
    /// leaves nothing (below 32x32 for five poolings), or if images or batch are larger than the
    /// arena was made for.
    pub fn run<'a>(&self, kernels: Kernels, arena: &'a mut Arena, rgb: &[u8], height: usize, width: usize) -> Maps<'a> {
        let batch = rgb.len() / (height * width * 3).max(1);
        assert!(batch > 0 && rgb.len() == batch * height * width * 3, "bytes of {height}x{width} images");
        let (out_height, out_width, _) = self.output_shape(height, width);
        assert!(out_height > 0 && out_width > 0, "a {height}x{width} image is too small for this network");
        let needs = self.needs(height, width, batch);
        assert!(batch <= arena.outputs.len(), "a batch of {batch} exceeds the arena");
        assert!(
            needs.maps <= arena.front.len() && needs.gathered <= arena.gathered.len(),
            "{batch} images of {height}x{width} exceed the arena"
        );
        let Arena { team, scratch, front, back, gathered, middle, outputs } = arena;
        let (alone, together) = self.layers.split_at(needs.alone);
        let alone_keeps = self.middle.filter(|at| *at < needs.alone);
        let together_keeps = self.middle.and_then(|at| at.checked_sub(needs.alone));
        team.run(|| {
            let input = Padded { height, width, channels: 4 };
            let mut gathering = input;
            for (number, image) in rgb.chunks_exact(height * width * 3).enumerate() {
                pad(image, 3, self.padding, input, front);
                let map;
                let keep = alone_keeps.map(|at| (at, &mut middle[number..=number]));
                (map, gathering) = run_layers(kernels, alone, front, back, input, 1, scratch, keep);
                gathered[number * gathering.len()..][..gathering.len()].copy_from_slice(map);
            }
            let gathered = &gathered[..batch * gathering.len()];
            front[..gathered.len()].copy_from_slice(gathered);
            let keep = together_keeps.map(|at| (at, &mut middle[..]));
            let (maps, shape) = run_layers(kernels, together, front, back, gathering, batch, scratch, keep);
            copy_out(maps, shape, outputs);
        });
        Maps { middle: &middle[..if self.middle.is_some() { batch } else { 0 }], last: &outputs[..batch] }
    }

    /// What a batch of images needs.
    fn needs(&self, height: usize, width: usize, batch: usize) -> Needs {
        let mut shape = Padded { height, width, channels: 4 };
        let mut needs = Needs { alone: self.layers.len(), maps: shape.len(), gathered: 0 };
        for (number, (layer, pooled)) in self.layers.iter().enumerate() {
            let out = shape.with_channels(layer.cout);
            if needs.alone > number && layer.levels() > out.len() {
                (needs.alone, needs.gathered) = (number, batch * shape.len());
            }
            let maps = if number < needs.alone { 1 } else { batch };
            needs.maps = needs.maps.max(maps * shape.len().max(out.len()));
            shape = if *pooled { out.pooled() } else { out };
        }
        if needs.alone == self.layers.len() {
            needs.gathered = batch * shape.len();
            needs.maps = needs.maps.max(needs.gathered);
        }
        needs
    }
}

/// The memory of a batch, and how its layers are run.
struct Needs {
    /// Layers that run image by image: those before the first whose weights outweigh its output.
    alone: usize,
    /// Bytes of the largest maps that are read or written at once.
    maps: usize,
    /// Bytes of the maps between the two parts.
    gathered: usize,
}

/// The maps of a batch without their padding.
fn copy_out(maps: &[u8], shape: Padded, outputs: &mut [FeatureMap]) {
    for (output, map) in outputs.iter_mut().zip(maps.chunks_exact(shape.len())) {
        (output.height, output.width, output.channels) = (shape.height, shape.width, shape.channels);
        output.data.resize(shape.height * shape.width * shape.channels, 0);
        unpad(map, shape, &mut output.data);
    }
}

/// Runs layers on the maps in `front`; the result lies in one of the two buffers. The maps of the
/// layer that `keep` names are copied out as well.
#[expect(clippy::too_many_arguments, reason = "the parts of an arena are borrowed one by one")]
fn run_layers<'a>(
    kernels: Kernels,
    layers: &[(PackedConv, bool)],
    front: &'a mut [u8],
    back: &'a mut [u8],
    mut shape: Padded,
    batch: usize,
    scratch: &mut [Scratch],
    mut keep: Option<(usize, &mut [FeatureMap])>,
) -> (&'a [u8], Padded) {
    let (mut src, mut dst) = (front, back);
    for (number, (layer, pooled)) in layers.iter().enumerate() {
        (src, dst) = conv_and_pool(kernels, layer, *pooled, src, dst, shape, batch, scratch);
        shape = shape.with_channels(layer.cout);
        if *pooled {
            shape = shape.pooled();
        }
        if let Some((_, outputs)) = keep.as_mut().filter(|(at, _)| *at == number) {
            copy_out(&src[..batch * shape.len()], shape, outputs);
        }
    }
    (&src[..batch * shape.len()], shape)
}

/// The memory of a batch of passes: maps to read from and to write to in turn, those between the
/// layers that run image by image and those that run together, scratch of each thread, the results.
///
/// One lives in each worker; nothing is allocated during a pass.
#[derive(Debug)]
pub struct Arena {
    team: Arc<Team>,
    scratch: Vec<Scratch>,
    front: Vec<u8>,
    back: Vec<u8>,
    gathered: Vec<u8>,
    middle: Vec<FeatureMap>,
    outputs: Vec<FeatureMap>,
}

impl Arena {
    /// Memory for batches of at most `batch` images of at most `height` x `width` pixels (or others
    /// that need no more memory), at least one, and passes by the threads of `team`.
    pub fn new(network: &Network, height: usize, width: usize, batch: usize, team: Arc<Team>) -> Self {
        let batch = batch.max(1);
        let Needs { maps, gathered, .. } = network.needs(height, width, batch);
        let layers = network.layers.iter().map(|(layer, _)| layer);
        let zeros = |(height, width, channels)| vec![FeatureMap::zeros(height, width, channels); batch];
        Self {
            scratch: (0..team.threads()).map(|_| Scratch::new(layers.clone())).collect(),
            front: vec![0; maps],
            back: vec![0; maps],
            gathered: vec![0; gathered],
            middle: network.middle_shape(height, width).map_or_else(Vec::new, zeros),
            outputs: zeros(network.output_shape(height, width)),
            team,
        }
    }

    /// The threads.
    pub fn team(&self) -> &Arc<Team> {
        &self.team
    }

    /// The most images of a batch.
    pub fn batch(&self) -> usize {
        self.outputs.len()
    }

    /// Bytes of memory held, the stacks of the threads aside.
    pub fn bytes(&self) -> usize {
        let scratch: usize = self.scratch.iter().map(Scratch::bytes).sum();
        let outputs: usize = self.middle.iter().chain(&self.outputs).map(|output| output.data.capacity()).sum();
        self.front.len() + self.back.len() + self.gathered.len() + scratch + outputs
    }
}
