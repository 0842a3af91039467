//! What a picture is searched by: its descriptor, and others that lean towards a part of it each.

use super::descriptor::Descriptor;

/// The looks that a query takes at a collection: `whole` first, then its mean with each of `parts`,
/// the sub-images. How near a picture is to the query is its largest cosine with any of them: a
/// thing that fills a corner of the query is nearer to the look at that corner than to the whole.
///
/// Only the query is looked at in parts, so that nothing more is stored. After the regional
/// maximum of A. S. Razavian et al., "Visual instance retrieval with deep convolutional networks"
/// (arXiv 1412.6574), with the whole in every look: a part alone finds what has that part's
/// ground.
#[must_use]
pub fn looks<'a>(whole: &Descriptor, parts: impl IntoIterator<Item = &'a Descriptor>) -> Vec<Descriptor> {
    // A part that is the opposite of the whole leaves no direction between them, and no look.
    let towards = parts.into_iter().filter_map(|part| Descriptor::mean([whole, part]).ok());
    std::iter::once(whole.clone()).chain(towards).collect()
}

/// How near a picture is to a query: the largest cosine of its descriptor with a look, -1 to 1; -1
/// where there is none.
#[must_use]
pub fn likeness(looks: &[Descriptor], picture: &Descriptor) -> f32 {
    looks.iter().map(|look| look.cosine(picture)).fold(-1.0, f32::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: [f32; 2]) -> Descriptor {
        Descriptor::new(values.to_vec(), 2).expect("valid")
    }

    #[test]
    fn a_look_lies_between_the_whole_and_a_part() {
        let whole = of([1.0, 0.0]);
        let found = looks(&whole, &[of([0.0, 1.0]), of([-1.0, 0.0]), whole.clone()]);
        assert_eq!(found, [whole.clone(), of([1.0, 1.0]), whole.clone()]);
        assert!((likeness(&found, &of([1.0, 1.0])) - 1.0).abs() < 1e-6);
        assert_eq!(likeness(&found, &of([0.0, 1.0])), of([1.0, 1.0]).cosine(&of([0.0, 1.0])));
        assert_eq!(looks(&whole, &[]), [whole]);
    }
}
