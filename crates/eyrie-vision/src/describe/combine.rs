//! From the pooled vectors of a picture's passes to one vector.
//!
//! With `pool` the pooled vector of a map of one pass, `L2` the scaling to unit norm, `power` each
//! value raised to 3/4, and `W` and `D` the two linear maps that were learned for that map of the
//! network (nothing, where the model has none), for each of the two maps:
//!
//! ```text
//! whitened(x) = L2(W(L2(power(L2(x)))))
//! fast = whitened(pool(whole image))
//! nip  = whitened(max over four quarter turns of pool(turned whole image))
//! rnip = L2(L2(mean over sub-images of whitened(pool(sub-image))) + 0.6 nip)
//! middle, last = L2(D(that of the profile))
//! ```
//!
//! The descriptor is `L2(2 middle, last)`: the vector of the middle map (pool4, patterns and parts
//! of things) beside that of the last one (pool5, what things are). `W` takes away what parts of
//! pictures have in common, `D` what changes from one photograph of a thing to the next. Each
//! sub-image is whitened before the mean: what is common to most pictures then does not drown what
//! a single sub-image shows (compare the regional vectors of G. Tolias, R. Sicre, H. Jégou,
//! "Particular object retrieval with integral max-pooling of CNN activations", arXiv 1511.05879).
//! The weights were chosen by measurement, see `docs/benchmarks/`.
//!
//! A sub-image has a vector of its own ([`parts`]): `whitened(pool(sub-image))` in the place of
//! what a profile gives. A picture is searched by these too, see [`super::looks()`].

use super::pooling::{Whitener, add, maximum, normalize, pool, signed_power, uniform_if_zero};
use super::profile::Profile;
use eyrie_chip::{FeatureMap, Whitening};

/// Passes over the whole image, which come first: its four quarter turns, the upright one among
/// them. Sub-images follow.
pub const WHOLE_PASSES: usize = 4;

/// The part of the whole image beside the sub-images.
const WHOLE_WEIGHT: f32 = 0.6;

/// The part of the middle map beside the last one.
const MIDDLE_WEIGHT: f32 = 2.0;

/// The two maps that a pass is described by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// The map after the fourth pooling: 14x14.
    Middle,
    /// The map after the fifth pooling: 7x7.
    Last,
}

impl Level {
    /// Both, in the order of a descriptor.
    pub const ALL: [Self; 2] = [Self::Middle, Self::Last];

    /// The name of its whitening in a model file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Middle => "pool4",
            Self::Last => "pool5",
        }
    }

    /// The name of its discriminative projection in a model file.
    #[must_use]
    pub fn discriminant_name(self) -> &'static str {
        match self {
            Self::Middle => "pool4-discriminant",
            Self::Last => "pool5-discriminant",
        }
    }
}

/// The linear maps that were learned for one map of the network; one that is missing changes
/// nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Projections {
    /// Of each pooled vector: `W` above.
    pub whitening: Option<Whitener>,
    /// Of the vector of the whole picture: `D` above.
    pub discriminant: Option<Whitener>,
}

impl Projections {
    /// Those among `whitenings` that have the names of `level`.
    #[must_use]
    pub fn of(level: Level, whitenings: &[Whitening]) -> Self {
        let named = |name: &str| whitenings.iter().find(|whitening| whitening.name == name).map(Whitener::new);
        Self { whitening: named(level.name()), discriminant: named(level.discriminant_name()) }
    }
}

/// The pooled vectors of one pass, one for each map: a value of 0 to 31 for each channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Pooled {
    /// Of [`Level::Middle`].
    pub middle: Vec<f32>,
    /// Of [`Level::Last`].
    pub last: Vec<f32>,
}

impl Pooled {
    /// Pools the two maps of a pass.
    ///
    /// # Panics
    /// Those of [`pool`].
    #[must_use]
    pub fn new(middle: &FeatureMap, last: &FeatureMap) -> Self {
        Self { middle: pool(middle), last: pool(last) }
    }

    /// The vector of one map.
    #[must_use]
    pub fn of(&self, level: Level) -> &[f32] {
        match level {
            Level::Middle => &self.middle,
            Level::Last => &self.last,
        }
    }
}

/// The vector of `profile`, of the pooled vectors of its passes (see
/// [`super::AsicExtractor::inputs`]) or of those of a dearer profile: unit norm. `projections` are
/// those of the middle and of the last map; a map without any counts with its channels.
///
/// # Panics
/// If there are fewer passes than the profile has, or a vector is not as long as its projection
/// takes.
#[must_use]
pub fn combine(passes: &[Pooled], profile: Profile, projections: &[Projections; 2]) -> Vec<f32> {
    joined(projections, |level, whitener| of_level(passes, profile, level, whitener))
}

/// The vector of each sub-image of `passes`, made as that of a whole picture is: unit norm. None
/// where the passes are of another profile than `rnip`.
///
/// # Panics
/// If a vector is not as long as its projection takes.
#[must_use]
pub fn parts(passes: &[Pooled], projections: &[Projections; 2]) -> Vec<Vec<f32>> {
    let of = |part: &Pooled| joined(projections, |level, whitener| whitened(part.of(level).to_vec(), whitener));
    passes.iter().skip(WHOLE_PASSES).map(of).collect()
}

/// The vectors that the two maps have before their discriminative projections as one vector.
fn joined(projections: &[Projections; 2], of: impl Fn(Level, Option<&Whitener>) -> Vec<f32>) -> Vec<f32> {
    let [mut vector, last] = [0, 1].map(|at| {
        let vector = of(Level::ALL[at], projections[at].whitening.as_ref());
        projected(vector, projections[at].discriminant.as_ref())
    });
    for value in &mut vector {
        *value *= MIDDLE_WEIGHT;
    }
    vector.extend(last);
    normalize(&mut vector);
    uniform_if_zero(&mut vector);
    vector
}

/// The vector of one map before its discriminative projection: unit norm. `passes` and `profile` as
/// for [`combine`].
///
/// # Panics
/// Those of [`combine`].
#[must_use]
pub fn of_level(passes: &[Pooled], profile: Profile, level: Level, whitener: Option<&Whitener>) -> Vec<f32> {
    let mut whole = passes[0].of(level).to_vec();
    if profile != Profile::Fast {
        passes[1..WHOLE_PASSES].iter().for_each(|turned| maximum(&mut whole, turned.of(level)));
    }
    let mut vector = whitened(whole, whitener);
    if profile == Profile::Rnip {
        let mut parts = vec![0f32; vector.len()];
        for part in &passes[WHOLE_PASSES..] {
            add(&mut parts, &whitened(part.of(level).to_vec(), whitener));
        }
        // Dividing the sum by the number of sub-images would change nothing: only its direction
        // counts.
        normalize(&mut parts);
        for value in &mut vector {
            *value *= WHOLE_WEIGHT;
        }
        add(&mut vector, &parts);
        normalize(&mut vector);
    }
    vector
}

/// A pooled vector as a whitening takes it: unit norm, the power 3/4 of each value, unit norm.
#[must_use]
pub fn flattened(mut pooled: Vec<f32>) -> Vec<f32> {
    normalize(&mut pooled);
    signed_power(&mut pooled);
    pooled
}

fn whitened(pooled: Vec<f32>, whitener: Option<&Whitener>) -> Vec<f32> {
    projected(flattened(pooled), whitener)
}

fn projected(vector: Vec<f32>, projection: Option<&Whitener>) -> Vec<f32> {
    let Some(projection) = projection else { return vector };
    let mut values = projection.apply(&vector);
    normalize(&mut values);
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Passes with a middle map that always gives (0, 1).
    fn passes() -> Vec<Pooled> {
        let last = [[4.0, 0.0], [1.0, 1.0], [0.0, 0.0], [0.0, 4.0], [9.0, 0.0], [0.0, 1.0]];
        last.iter().map(|last| Pooled { middle: vec![0.0, 3.0], last: last.to_vec() }).collect()
    }

    /// Checks a vector whose middle part is (0, 2) and whose last part is `last`, both over the
    /// root of five.
    fn assert_last(vector: &[f32], last: [f32; 2]) {
        let expected = [0.0, 2.0, last[0], last[1]].map(|v| v / 5_f32.sqrt());
        assert!(vector.len() == 4 && vector.iter().zip(expected).all(|(v, e)| (v - e).abs() < 1e-6), "{vector:?}");
    }

    /// A linear map from two values to two, with no mean.
    fn linear(rows: [[f32; 2]; 2]) -> Option<Whitener> {
        Some(Whitener::new(&Whitening { name: String::new(), mean: vec![0.0; 2], components: rows.concat() }))
    }

    #[test]
    fn each_profile_takes_its_passes() {
        let plain = Default::default();
        assert_last(&combine(&passes()[..1], Profile::Fast, &plain), [1.0, 0.0]);
        let diagonal = [0.5_f32.sqrt(); 2];
        assert_last(&combine(&passes()[..4], Profile::Nip, &plain), diagonal);
        // Passes of a dearer profile change nothing.
        assert_last(&combine(&passes(), Profile::Nip, &plain), diagonal);
        assert_last(&combine(&passes(), Profile::Rnip, &plain), diagonal);
    }

    #[test]
    fn sub_images_are_whitened_one_by_one() {
        // Swaps the two values and blows the first one up.
        let whitening = linear([[0.0, 3.0], [1.0, 0.0]]);
        let projections = [Projections::default(), Projections { whitening, discriminant: None }];
        assert_last(&combine(&passes()[..1], Profile::Fast, &projections), [0.0, 1.0]);
        // The sub-images become (0, 1) and (1, 0): their mean is the diagonal. The whole, (1,
        // 1)/sqrt 2, becomes (3, 1)/sqrt 10.
        let (diagonal, ten) = (0.5_f32.sqrt(), 10_f32.sqrt());
        let sum = [diagonal + 0.6 * 3.0 / ten, diagonal + 0.6 / ten];
        let norm = sum[0].hypot(sum[1]);
        assert_last(&combine(&passes(), Profile::Rnip, &projections), sum.map(|v| v / norm));
    }

    #[test]
    fn each_sub_image_has_a_vector_of_its_own() {
        assert_eq!(parts(&passes()[..4], &Default::default()), Vec::<Vec<f32>>::new());
        let projections = [
            Projections::default(),
            Projections {
                whitening: linear([[0.0, 3.0], [1.0, 0.0]]),
                discriminant: linear([[-1.0, 0.0], [0.0, 2.0]]),
            },
        ];
        let found = parts(&passes(), &projections);
        assert_eq!(found.len(), 2);
        assert_last(&found[0], [0.0, 1.0]);
        assert_last(&found[1], [-1.0, 0.0]);
    }

    #[test]
    fn the_discriminant_sees_the_whole_picture() {
        let discriminant = linear([[4.0, 0.0], [0.0, 3.0]]);
        let projections = [Projections::default(), Projections { whitening: None, discriminant }];
        // The sub-images' mean and the whole are the diagonal; so is their sum before the
        // projection, which makes it (4, 3)/5.
        assert_last(&combine(&passes(), Profile::Rnip, &projections), [0.8, 0.6]);
    }

    #[test]
    fn a_picture_that_excites_nothing_has_a_direction() {
        let nothing = Pooled { middle: vec![0.0; 4], last: vec![0.0; 4] };
        let vector = combine(&vec![nothing; 6], Profile::Rnip, &Default::default());
        let norm: f32 = vector.iter().map(|v| v * v).sum();
        assert!((norm - 1.0).abs() < 1e-6 && vector.iter().all(|v| *v > 0.0));
    }
}
