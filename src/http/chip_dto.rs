//! What is asked about the chip; the answer is [`crate::domain::ChipReport`] itself.

use serde::Deserialize;
use utoipa::IntoParams;

/// Width and height of the image whose plan is answered where none is named.
pub(super) const DEFAULT_IMAGE: (u32, u32) = (640, 480);

/// The longest side of an image whose plan is answered.
pub(super) const MAX_SIDE: u32 = 100_000;

/// The size of the image to plan for: both or none.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ChipQuery {
    /// Columns of the image whose plan is answered.
    #[param(minimum = 1, maximum = 100_000, default = 640)]
    pub(super) width: Option<u32>,
    /// Rows of the image whose plan is answered.
    #[param(minimum = 1, maximum = 100_000, default = 480)]
    pub(super) height: Option<u32>,
}
