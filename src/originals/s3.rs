//! Objects in a bucket of a service that speaks S3.

use std::sync::Arc;
use std::time::Duration;

use object_store::RetryConfig;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};

use super::client::Connector;
use super::error::OriginalsError;
use super::place::Place;
use crate::store::OriginalsOptions;

/// How often a request that failed is sent again, and until when: whoever uploads waits for it.
const RETRIES: usize = 2;
const RETRY_TIMEOUT: Duration = Duration::from_secs(10);

/// The bucket that is configured; what is left out there is as the variables `AWS_*` say.
///
/// # Errors
/// [`OriginalsError::Setup`].
pub(super) fn in_bucket(options: &OriginalsOptions) -> Result<Place, OriginalsError> {
    let retry = RetryConfig { max_retries: RETRIES, retry_timeout: RETRY_TIMEOUT, ..RetryConfig::default() };
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(&options.bucket)
        .with_retry(retry)
        .with_http_connector(Connector::new()?)
        .with_virtual_hosted_style_request(!options.path_style);
    if !options.region.is_empty() {
        builder = builder.with_region(&options.region);
    }
    if !options.endpoint.is_empty() {
        let endpoint = if options.path_style {
            options.endpoint.clone()
        } else {
            below_bucket(&options.endpoint, &options.bucket)
        };
        // Under this key it beats the variables that name another one.
        builder = builder.with_config(AmazonS3ConfigKey::S3Endpoint, endpoint);
        builder = builder.with_allow_http(options.endpoint.starts_with("http://"));
    }
    let (id, key) = (options.access_key_id.reveal(), options.secret_access_key.reveal());
    if id.is_empty() != key.is_empty() {
        let reason = "storage.s3_access_key_id and storage.s3_secret_access_key go together: set both, or none";
        return Err(OriginalsError::Setup(reason.to_owned()));
    }
    if !id.is_empty() {
        builder = builder.with_access_key_id(id).with_secret_access_key(key);
    }
    let store = builder.build().map_err(|e| OriginalsError::Setup(format!("S3: {e}")))?;
    Ok(Place::new(Arc::new(store), &options.prefix))
}

/// The URL of a service with the bucket's name in front of its host.
fn below_bucket(endpoint: &str, bucket: &str) -> String {
    match endpoint.split_once("://") {
        Some((scheme, host)) => format!("{scheme}://{bucket}.{host}"),
        None => endpoint.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Secret;
    use crate::store::KeepIn;

    #[test]
    fn a_bucket_may_stand_in_front_of_the_host() {
        assert_eq!(below_bucket("https://s3.example:9000/x", "b"), "https://b.s3.example:9000/x");
    }

    #[test]
    fn a_key_without_its_name_is_refused_and_not_shown() {
        let options = OriginalsOptions {
            keep_in: KeepIn::S3,
            directory: std::path::PathBuf::new(),
            bucket: "b".to_owned(),
            prefix: "p/q".to_owned(),
            region: "eu-central-1".to_owned(),
            endpoint: "http://127.0.0.1:9".to_owned(),
            path_style: true,
            access_key_id: Secret::new("id"),
            secret_access_key: Secret::new(""),
        };
        let error = in_bucket(&options).err().expect("refused").to_string();
        assert!(error.contains("go together"), "{error}");
        let whole = OriginalsOptions { secret_access_key: Secret::new("hunter2"), ..options };
        assert!(in_bucket(&whole).is_ok());
    }
}
