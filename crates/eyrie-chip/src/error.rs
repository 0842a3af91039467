//! Why a model is refused.

/// Why parameters are not a network that the chip can run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// The file is damaged, truncated or of another kind or version.
    #[error("not a usable model file: {0}")]
    Format(String),
    /// Shapes or values that do not fit together.
    #[error("layer {layer}: {reason}")]
    Layer {
        /// Name of the layer.
        layer: String,
        /// What does not fit.
        reason: String,
    },
    /// The proof that no accumulator can overflow fails for these parameters.
    #[error("layer {layer}: a sum could reach {bound}, more than 32 bits hold")]
    Overflow {
        /// Name of the layer.
        layer: String,
        /// The largest magnitude that a sum could reach.
        bound: i64,
    },
}
