//! Descriptors: finite, of unit norm and fixed dimension by construction.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::profile::Profile;

/// Why a list of numbers is not a descriptor.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InvalidDescriptor {
    /// The wrong number of values.
    #[error("a descriptor of {actual} values was given where {expected} are needed")]
    Dimension {
        /// Values given.
        actual: usize,
        /// Values needed.
        expected: usize,
    },
    /// A NaN or an infinity.
    #[error("value {position} of the descriptor is not a finite number")]
    NotFinite {
        /// Index of the first such value.
        position: usize,
    },
    /// All values are zero (or so small that their squares vanish), so there is no direction to
    /// compare.
    #[error("a descriptor must not be all zeros")]
    Zero,
}

/// What an image looks like, as a unit vector: the cosine of two of them is their dot product.
/// Clones share the values.
#[derive(Debug, Clone, PartialEq)]
pub struct Descriptor(Arc<[f32]>);

impl Descriptor {
    /// Scales `values` to unit L2 norm.
    ///
    /// The sum of squares is accumulated in order in `f64`, so the same input gives the same bits
    /// on every CPU. A vector whose squared norm is already within 1e-6 of one is kept as it is:
    /// reading a stored descriptor back does not change it.
    ///
    /// # Errors
    /// [`InvalidDescriptor`] when the length is not `dimension`, a value is not finite, or the norm
    /// is zero.
    pub fn new(mut values: Vec<f32>, dimension: usize) -> Result<Self, InvalidDescriptor> {
        if values.len() != dimension {
            return Err(InvalidDescriptor::Dimension { actual: values.len(), expected: dimension });
        }
        if let Some(position) = values.iter().position(|v| !v.is_finite()) {
            return Err(InvalidDescriptor::NotFinite { position });
        }
        let squared: f64 = values.iter().map(|&v| f64::from(v) * f64::from(v)).sum();
        if squared < f64::from(f32::MIN_POSITIVE) {
            return Err(InvalidDescriptor::Zero);
        }
        if (squared - 1.0).abs() > 1e-6 {
            let norm = squared.sqrt();
            for v in &mut values {
                #[allow(clippy::cast_possible_truncation)]
                {
                    *v = (f64::from(*v) / norm) as f32;
                }
            }
        }
        Ok(Self(values.into()))
    }

    /// The direction of the sum of descriptors of one dimension: what several pictures of a thing
    /// have in common.
    ///
    /// # Errors
    /// As [`Descriptor::weighted_mean`].
    pub fn mean<'a>(descriptors: impl IntoIterator<Item = &'a Self>) -> Result<Self, InvalidDescriptor> {
        Self::weighted_mean(descriptors.into_iter().map(|descriptor| (1.0, descriptor)))
    }

    /// The direction of the sum of descriptors of one dimension, each multiplied by its weight. They
    /// are added in order in `f64`, so that it is the same on every CPU.
    ///
    /// # Errors
    /// [`InvalidDescriptor`] when there is none, when they cancel each other out, or when their
    /// dimensions differ.
    pub fn weighted_mean<'a>(
        descriptors: impl IntoIterator<Item = (f32, &'a Self)>,
    ) -> Result<Self, InvalidDescriptor> {
        let mut descriptors = descriptors.into_iter().peekable();
        let (_, first) = descriptors.peek().ok_or(InvalidDescriptor::Zero)?;
        let mut sum = vec![0.0; first.dimension()];
        for (weight, descriptor) in descriptors {
            if descriptor.dimension() != sum.len() {
                let (actual, expected) = (descriptor.dimension(), sum.len());
                return Err(InvalidDescriptor::Dimension { actual, expected });
            }
            let weighted = descriptor.values().iter().map(|&value| f64::from(weight) * f64::from(value));
            sum.iter_mut().zip(weighted).for_each(|(sum, value)| *sum += value);
        }
        let dimension = sum.len();
        #[allow(clippy::cast_possible_truncation)]
        Self::new(sum.into_iter().map(|value| value as f32).collect(), dimension)
    }

    /// The values, in order.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.0
    }

    /// How many values there are.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.0.len()
    }

    /// The cosine of the angle to another descriptor, -1 to 1; 1 is identical.
    ///
    /// Accumulated in `f64` in eight sums, which are added in order, and clamped, so it is the same
    /// on every CPU and never leaves the range.
    #[must_use]
    pub fn cosine(&self, other: &Self) -> f32 {
        debug_assert_eq!(self.dimension(), other.dimension());
        let ((ours, our_rest), (theirs, their_rest)) = (self.0.as_chunks::<8>(), other.0.as_chunks::<8>());
        let mut sums = [0.0; 8];
        for (ours, theirs) in ours.iter().zip(theirs) {
            for (sum, (&a, &b)) in sums.iter_mut().zip(ours.iter().zip(theirs)) {
                *sum += f64::from(a) * f64::from(b);
            }
        }
        let rest = our_rest.iter().zip(their_rest).map(|(&a, &b)| f64::from(a) * f64::from(b));
        let dot: f64 = sums.into_iter().chain(rest).sum();
        #[allow(clippy::cast_possible_truncation)]
        {
            dot.clamp(-1.0, 1.0) as f32
        }
    }
}

/// Which model and profile made a descriptor. Descriptors of two versions are never compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DescriptorVersion {
    model: String,
    profile: Profile,
}

/// A text that is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a descriptor version; one looks like 0123456789abcdef/rnip")]
pub struct InvalidVersion(pub String);

impl DescriptorVersion {
    /// Pairs a model fingerprint (lower-case hexadecimal, as printed by `eyrie model info`) with a
    /// profile.
    #[must_use]
    pub fn new(model: impl Into<String>, profile: Profile) -> Self {
        Self { model: model.into(), profile }
    }

    /// The fingerprint of the model file.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The profile.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.profile
    }
}

impl fmt::Display for DescriptorVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.model, self.profile)
    }
}

impl FromStr for DescriptorVersion {
    type Err = InvalidVersion;
    fn from_str(text: &str) -> Result<Self, InvalidVersion> {
        let invalid = || InvalidVersion(text.to_owned());
        let (model, profile) = text.split_once('/').ok_or_else(invalid)?;
        if model.is_empty() || !model.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c)) {
            return Err(invalid());
        }
        Ok(Self { model: model.to_owned(), profile: profile.parse().map_err(|_| invalid())? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_is_scaled_to_unit_norm() {
        let d = Descriptor::new(vec![3.0, 4.0], 2).expect("valid");
        assert_eq!(d.values(), [0.6, 0.8]);
        assert_eq!(d.cosine(&d), 1.0);
    }

    #[test]
    fn a_unit_vector_is_kept_bit_for_bit() {
        let d = Descriptor::new((0..256).map(|i| (i as f32 * 0.37).sin()).collect(), 256).expect("valid");
        let again = Descriptor::new(d.values().to_vec(), 256).expect("valid");
        assert_eq!(d, again);
    }

    #[test]
    fn a_mean_points_between_what_it_is_made_of() {
        let of = |values: &[f32]| Descriptor::new(values.to_vec(), values.len()).expect("valid");
        let (east, north) = (of(&[1.0, 0.0]), of(&[0.0, 1.0]));
        assert_eq!(Descriptor::mean([&east, &north, &north]), Ok(of(&[1.0, 2.0])));
        assert_eq!(Descriptor::mean([&east]), Ok(east.clone()));
        assert_eq!(Descriptor::weighted_mean([(0.5, &east), (1.0, &north)]), Ok(of(&[1.0, 2.0])));
        assert_eq!(Descriptor::mean([&east, &of(&[-1.0, 0.0])]), Err(InvalidDescriptor::Zero));
        assert_eq!(Descriptor::mean([]), Err(InvalidDescriptor::Zero));
        let long = of(&[1.0, 0.0, 0.0]);
        let mixed = |first, second| Descriptor::mean([first, second]);
        assert_eq!(mixed(&east, &long), Err(InvalidDescriptor::Dimension { actual: 3, expected: 2 }));
        assert_eq!(mixed(&long, &east), Err(InvalidDescriptor::Dimension { actual: 2, expected: 3 }));
    }

    #[test]
    fn wrong_length_nan_infinity_and_zero_are_refused() {
        assert_eq!(Descriptor::new(vec![1.0], 2), Err(InvalidDescriptor::Dimension { actual: 1, expected: 2 }));
        assert_eq!(Descriptor::new(vec![1.0, f32::NAN], 2), Err(InvalidDescriptor::NotFinite { position: 1 }));
        assert_eq!(Descriptor::new(vec![f32::INFINITY, 1.0], 2), Err(InvalidDescriptor::NotFinite { position: 0 }));
        assert_eq!(Descriptor::new(vec![0.0, -0.0], 2), Err(InvalidDescriptor::Zero));
        assert_eq!(Descriptor::new(vec![1e-30, 0.0], 2), Err(InvalidDescriptor::Zero));
    }

    #[test]
    fn huge_values_do_not_overflow_the_norm() {
        let d = Descriptor::new(vec![f32::MAX, f32::MAX], 2).expect("valid");
        assert!((d.values()[0] - 0.5_f32.sqrt()).abs() < 1e-6);
    }

    #[test]
    fn a_version_reads_back_from_its_text() {
        let v = DescriptorVersion::new("0123456789abcdef", Profile::Rnip);
        assert_eq!(v.to_string(), "0123456789abcdef/rnip");
        assert_eq!(v.to_string().parse(), Ok(v));
        for bad in ["", "abc", "xyz/rnip", "/rnip", "abc/other", "ABC/rnip"] {
            assert!(bad.parse::<DescriptorVersion>().is_err(), "{bad:?}");
        }
    }
}
