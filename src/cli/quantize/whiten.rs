//! Learning the whitening of each profile with the 2-bit network.

use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;

use crate::asic::{Kernels, NetworkParams, Whitening};
use crate::domain::Profile;
use crate::extract::{AsicExtractor, Model};
use crate::quantize::pca_whitening;

use super::super::error::CliError;
use super::super::progress::Progress;
use super::{LIMITS, failed, read};

/// The pooled vectors of one image, one for each of [`Profile::ALL`].
type Pooled = Vec<Vec<f32>>;

/// One whitening for each profile.
///
/// # Errors
/// [`CliError::Failed`] when an image cannot be described or there are too few of them.
pub(super) fn learn(network: &NetworkParams, paths: &[&Path], dimensions: usize) -> Result<Vec<Whitening>, CliError> {
    todo!()
}
