//! Why weights could not be quantised.

use eyrie_chip::ModelError;

/// Why weights could not be brought to 2 bits.
#[derive(Debug, thiserror::Error)]
pub enum QuantizeError {
    /// The float weights file is not what is expected.
    #[error("float weights: {0}")]
    Weights(String),
    /// Too few images or vectors, or some of another size than the rest.
    #[error("calibration data: {0}")]
    Data(String),
    /// A matrix that should be positive definite is not: the values are not finite, or there is
    /// nothing to learn from.
    #[error("{0}: the second moments are degenerate")]
    Degenerate(String),
    /// The chip refuses the parameters.
    #[error(transparent)]
    Model(#[from] ModelError),
}
