//! From the middle maps of a picture's sub-images to cells: what the network sees where.
//!
//! A cell's bits are the signs of the first values of its activations, flattened and whitened as a
//! pooled vector is (`combine.rs`): of two cells that show the same most are equal. Nothing is
//! learned for it.

use super::combine::flattened;
use super::pooling::Whitener;
use super::regions::RegionPlan;
use crate::local::{CELL_BITS, Cell, Cells, MOST_CELLS};
use eyrie_chip::FeatureMap;

/// The middle maps of a picture's sub-images, one place of the canvas once.
#[derive(Debug)]
pub(super) struct Maps {
    plan: RegionPlan,
    places: Vec<Place>,
}

/// A place of the canvas, in pixels, and the activations there.
#[derive(Debug)]
struct Place {
    x: u16,
    y: u16,
    energy: u32,
    activations: Vec<u8>,
}

impl Maps {
    pub(super) fn new(plan: RegionPlan) -> Self {
        Self { plan, places: Vec::new() }
    }

    /// Takes the map of a sub-image, told by its number in the plan. Where sub-images overlap, a
    /// place belongs to the one whose middle is nearest, the first of several.
    pub(super) fn add(&mut self, number: usize, map: &FeatureMap) {
        let RegionPlan { sub_images, size, .. } = &self.plan;
        let Some(own) = sub_images.get(number) else { return };
        let stride = *size as usize / map.width;
        for (at, activations) in map.data.chunks_exact(map.channels).enumerate() {
            let middle = |of: usize| (of * stride + stride / 2) as u32;
            let (x, y) = (own.x + middle(at % map.width), own.y + middle(at / map.width));
            let off = |left: u32, place: u32| i64::from((left + size / 2).abs_diff(place));
            let nearest = sub_images.iter().enumerate().min_by_key(|(_, sub_image)| {
                let (dx, dy) = (off(sub_image.x, x), off(sub_image.y, y));
                dx * dx + dy * dy
            });
            if nearest.is_some_and(|(nearest, _)| nearest == number) {
                let energy = activations.iter().map(|&value| u32::from(value) * u32::from(value)).sum();
                self.places.push(Place { x: x as u16, y: y as u16, energy, activations: activations.to_vec() });
            }
        }
    }

    /// The cells of the places that excite the network most, as the model of this number sees them.
    pub(super) fn cells(mut self, model: u64, whitener: &Whitener) -> Option<Cells> {
        // Those of equal energy stay in order, and so do those that are kept.
        let mut order: Vec<usize> = (0..self.places.len()).collect();
        order.sort_by_key(|&at| std::cmp::Reverse(self.places[at].energy));
        let mut kept = vec![false; order.len()];
        order.iter().take(MOST_CELLS).for_each(|&at| kept[at] = true);
        let mut kept = kept.into_iter();
        self.places.retain(|_| kept.next() == Some(true));
        let cell = |Place { x, y, activations, .. }: &Place| {
            let values = flattened(activations.iter().copied().map(f32::from).collect());
            Cell { x: *x, y: *y, bits: signs(&whitener.leading(&values, CELL_BITS)) }
        };
        let canvas = [self.plan.canvas_width, self.plan.canvas_height].map(|side| side as u16);
        Cells::new(model, canvas, self.places.iter().map(cell).collect())
    }
}

/// A bit for each value: whether it is not negative.
fn signs(values: &[f32]) -> [u64; CELL_BITS / 64] {
    let mut bits = [0; CELL_BITS / 64];
    for (at, _) in values.iter().enumerate().filter(|(_, value)| **value >= 0.0) {
        bits[at / 64] |= 1 << (at % 64);
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyrie_chip::Whitening;

    /// Whitens by leaving as it is.
    fn plain() -> Whitener {
        Whitener::new(&Whitening { name: String::new(), mean: vec![0.5; 2], components: vec![1.0, 0.0, 0.0, 1.0] })
    }

    /// A map of 14x14 whose first channel is `value` of the place and whose second one is 1.
    fn map(value: impl Fn(usize, usize) -> u8) -> FeatureMap {
        let data = (0..196).flat_map(|at| [value(at % 14, at / 14), 1]).collect();
        FeatureMap { height: 14, width: 14, channels: 2, data }
    }

    #[test]
    fn each_place_of_the_canvas_is_one_cell() {
        let mut maps = Maps::new(RegionPlan::new(500, 500, 224));
        (0..4).for_each(|number| maps.add(number, &map(|_, _| 1)));
        let mut places: Vec<(u16, u16)> = maps.places.iter().map(|place| (place.x, place.y)).collect();
        places.sort_unstable();
        let side = || (0..21).map(|i| i * 16 + 8);
        assert_eq!(places, side().flat_map(|x| side().map(move |y| (x, y))).collect::<Vec<_>>());
        // A sub-image that is not of the plan has none.
        maps.add(4, &map(|_, _| 1));
        assert_eq!(maps.places.len(), 441);
    }

    #[test]
    fn the_strongest_are_kept_in_order_with_their_signs() {
        let mut maps = Maps::new(RegionPlan::new(500, 500, 224));
        // Of the first sub-image all that it owns are strong: the others fill up from the first on.
        maps.add(0, &map(|x, _| if x == 3 { 0 } else { 9 }));
        maps.add(1, &map(|_, _| 1));
        maps.add(2, &map(|_, _| 1));
        let strong = maps.places.iter().filter(|place| place.activations[0] == 9).count();
        let places: Vec<(u16, u16)> = maps.places.iter().map(|place| (place.x, place.y)).collect();
        let cells = maps.cells(7, &plain()).expect("cells");
        assert!(strong < MOST_CELLS);
        assert_eq!(cells.iter().count(), MOST_CELLS);
        let kept: Vec<(u16, u16)> = cells.iter().map(|cell| (cell.x, cell.y)).collect();
        let mut rest = places.iter();
        assert!(kept.iter().all(|place| rest.any(|other| other == place)), "in order");
        // (9, 1) flattened is (.98, .19): above and below the mean. (1, 1) is above in both.
        let bits: Vec<u64> = cells.iter().map(|cell| cell.bits[0]).collect();
        assert_eq!(bits.iter().filter(|bits| **bits == 0b01).count(), strong);
        assert_eq!(bits.iter().filter(|bits| **bits == 0b11).count(), MOST_CELLS - strong);
    }
}
