//! What the running model yields.

use super::{DescriptorVersion, Levels, Profile};

/// What descriptors of one profile are.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfileFacts {
    /// The version that they carry.
    pub version: DescriptorVersion,
    /// How many values they have.
    pub dimension: usize,
    /// What cosines between two of them mean.
    pub levels: Levels,
}

/// What the running model yields for each profile. Made once at the start and shared.
#[derive(Debug, Clone, PartialEq)]
pub struct Catalogue {
    model: String,
    profiles: [ProfileFacts; Profile::ALL.len()],
}

impl Catalogue {
    /// The catalogue of a model with this fingerprint.
    #[must_use]
    pub fn new(model: &str, dimension: usize, levels: impl Fn(Profile) -> Levels) -> Self {
        let facts = |profile| ProfileFacts {
            version: DescriptorVersion::new(model, profile),
            dimension,
            levels: levels(profile),
        };
        Self { model: model.to_owned(), profiles: Profile::ALL.map(facts) }
    }

    /// The model's fingerprint.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// What descriptors of `profile` are.
    #[must_use]
    pub fn profile(&self, profile: Profile) -> &ProfileFacts {
        &self.profiles[profile as usize]
    }
}
