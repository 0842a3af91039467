//! Learning the whitening of each profile with the 2-bit network.

use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;

use crate::asic::{Kernels, ModelFile, NetworkParams, Team, Whitening};
use crate::cli::error::CliError;
use crate::cli::progress::Progress;
use crate::domain::Profile;
use crate::extract::{AsicExtractor, Model, decode};
use crate::quantize::pca_whitening;

use super::{LIMITS, failed, read};

/// One whitening for each profile, learned from the images at `paths`.
///
/// # Errors
/// [`CliError::Failed`] when an image cannot be described or there are too few of them.
pub(super) fn learn(network: &NetworkParams, paths: &[&Path], dimensions: usize) -> Result<Vec<Whitening>, CliError> {
    let unwhitened = ModelFile { network: network.clone(), whitenings: Vec::new(), card: "{}".to_owned() }.encode();
    let model = Arc::new(Model::from_bytes(&unwhitened).map_err(failed)?);
    let progress = Progress::start("describing for the whitening", paths.len());
    // One thread an image: the sums of a map are exact, so neither threads nor order change a vector.
    let pooled = paths
        .par_iter()
        .map_init(
            || AsicExtractor::new(Arc::clone(&model), Kernels::detect(), Arc::new(Team::ALONE), LIMITS),
            |extractor, path| {
                let image = decode(&read(path)?, LIMITS).map_err(failed)?;
                let vectors = extractor.pooled_all(&image).map_err(failed)?;
                progress.step();
                Ok(vectors)
            },
        )
        .collect::<Result<Vec<[Vec<f32>; 3]>, CliError>>()?;
    progress.end();

    let progress = Progress::start("learning the whitenings", Profile::ALL.len());
    let whitenings = Profile::ALL.into_iter().enumerate().map(|(at, profile)| {
        let vectors: Vec<Vec<f32>> = pooled.iter().map(|of_image| of_image[at].clone()).collect();
        let whitening = pca_whitening(profile.as_str(), &vectors, dimensions).map_err(failed);
        progress.step();
        whitening
    });
    let whitenings = whitenings.collect();
    progress.end();
    whitenings
}
