//! Whether a chip can do what is asked of it.

/// Why a chip cannot do what is asked of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FitError {
    /// The weight memory does not hold the network.
    #[error(
        "the chip {chip:?} cannot run this network: its weight memory has {has} bytes, and the network needs {needs} \
         (weight_memory_bytes = {needs} would do)"
    )]
    WeightMemory {
        /// Name of the chip.
        chip: String,
        /// Bytes there are.
        has: u64,
        /// Bytes of codes, multipliers and biases.
        needs: u64,
    },
    /// The image buffer holds no image that is large enough for the network.
    #[error(
        "the chip {chip:?} cannot run this network: its image buffer has {has} bytes, and the smallest image that its \
         poolings leave something of, {side}x{side} pixels, needs {needs}; passes of 224x224 pixels, which \
         descriptors are made of, need {descriptors_need}"
    )]
    ImageBuffer {
        /// Name of the chip.
        chip: String,
        /// Bytes there are.
        has: u64,
        /// Pixels a side of the smallest image.
        side: usize,
        /// Bytes that it needs.
        needs: u64,
        /// Bytes that 224x224 pixels need.
        descriptors_need: u64,
    },
    /// The image buffer holds less than descriptors are made of.
    #[error(
        "the chip {chip:?} cannot give Eyrie's descriptors: they are made of passes of 224x224 pixels, which need \
         {needs} bytes of image buffer; its {has} bytes hold {largest}x{largest} pixels at most"
    )]
    Descriptors {
        /// Name of the chip.
        chip: String,
        /// Bytes there are.
        has: u64,
        /// Bytes that 224x224 pixels need.
        needs: u64,
        /// Pixels a side of the largest image that fits.
        largest: usize,
    },
}
