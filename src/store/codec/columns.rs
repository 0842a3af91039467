//! Single values as columns: descriptors as bytes, times in microseconds, numbers as signed integers.

use serde_json::Value;
use time::OffsetDateTime;

use crate::domain::{
    Begun, ContentHash, Descriptor, ImageId, ImageKey, JobId, KeptAnswer, KeyId, OriginalName, Quota, Verdict,
};
use crate::store::{StoreError, StoredDescriptor};

/// A column type that holds a time.
pub(in crate::store) trait StoredTime {
    fn into_time(self) -> Result<OffsetDateTime, StoreError>;
}

impl StoredTime for i64 {
    fn into_time(self) -> Result<OffsetDateTime, StoreError> {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self) * 1000).map_err(damaged)
    }
}

impl StoredTime for OffsetDateTime {
    fn into_time(self) -> Result<OffsetDateTime, StoreError> {
        Ok(self)
    }
}

pub(super) fn json(text: &str) -> Result<Value, StoreError> {
    serde_json::from_str(text).map_err(damaged)
}

pub(super) fn verdict(name: &str) -> Result<Verdict, StoreError> {
    Verdict::ALL.into_iter().find(|one| one.as_str() == name).ok_or_else(|| damaged("unknown verdict"))
}

/// The key that stored an image, from its column.
pub(super) fn key_id(column: String) -> Result<KeyId, StoreError> {
    KeyId::new(column).map_err(damaged)
}

/// A quota from its columns.
pub(in crate::store) fn quota(max_images: Option<i64>, max_bytes: Option<i64>) -> Result<Quota, StoreError> {
    Ok(Quota { max_images: max_images.map(count).transpose()?, max_bytes: max_bytes.map(count).transpose()? })
}

/// A limit as a column. No count reaches one beyond the integers of both databases.
pub(in crate::store) fn limit_column(limit: Option<u64>) -> Option<i64> {
    limit.map(|limit| i64::try_from(limit).unwrap_or(i64::MAX))
}

/// The name of an original from its column.
pub(in crate::store) fn original_name(column: String) -> Result<OriginalName, StoreError> {
    OriginalName::from_stored(column).ok_or_else(|| damaged("an original has no name that this program gives"))
}

/// A descriptor as little-endian 32-bit floats.
pub(in crate::store) fn encode_descriptor(descriptor: &Descriptor) -> Vec<u8> {
    descriptor.values().iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// The descriptor of those bytes, bit for bit the one that was encoded.
pub(in crate::store) fn decode_descriptor(bytes: &[u8]) -> Result<Descriptor, StoreError> {
    let (chunks, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(damaged(format!("a descriptor has {} bytes, which is no multiple of 4", bytes.len())));
    }
    let values: Vec<f32> = chunks.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect();
    let dimension = values.len();
    Descriptor::new(values, dimension).map_err(damaged)
}

/// A descriptor with its version from their columns.
pub(in crate::store) fn stored_descriptor(version: &str, components: &[u8]) -> Result<StoredDescriptor, StoreError> {
    Ok(StoredDescriptor { version: version.parse().map_err(damaged)?, descriptor: decode_descriptor(components)? })
}

/// A key with its descriptor from their columns.
pub(in crate::store) fn keyed_descriptor(row: (i64, Vec<u8>)) -> Result<(ImageKey, Descriptor), StoreError> {
    Ok((key(row.0)?, decode_descriptor(&row.1)?))
}

/// A key with version and descriptor from their columns.
pub(in crate::store) fn keyed_stored_descriptor(
    (column, version, components): (i64, String, Vec<u8>),
) -> Result<(ImageKey, StoredDescriptor), StoreError> {
    Ok((key(column)?, stored_descriptor(&version, &components)?))
}

/// A key with its local features, or its thumbnail, from their columns.
pub(in crate::store) fn keyed_bytes(row: (i64, Vec<u8>)) -> Result<(ImageKey, Vec<u8>), StoreError> {
    Ok((key(row.0)?, row.1))
}

/// A key with its id from their columns.
pub(in crate::store) fn keyed_id(row: (i64, String)) -> Result<(ImageKey, ImageId), StoreError> {
    Ok((key(row.0)?, ImageId::new(row.1).map_err(damaged)?))
}

/// A key from its column.
pub(in crate::store) fn key(column: i64) -> Result<ImageKey, StoreError> {
    u64::try_from(column).map(ImageKey).map_err(damaged)
}

/// Keys as the columns that they can be in: no image has one beyond the integers of both databases.
pub(in crate::store) fn key_columns(keys: &[ImageKey]) -> Vec<i64> {
    keys.iter().filter_map(|key| i64::try_from(key.0).ok()).collect()
}

/// Microseconds since 1970.
pub(in crate::store) fn microseconds(time: OffsetDateTime) -> i64 {
    time.unix_timestamp() * 1_000_000 + i64::from(time.microsecond())
}

/// A size from its column.
pub(in crate::store) fn count(column: i64) -> Result<u64, StoreError> {
    u64::try_from(column).map_err(damaged)
}

/// The id of a job from its column.
pub(in crate::store) fn job_id(column: String) -> Result<JobId, StoreError> {
    JobId::new(column).map_err(damaged)
}

/// A size or a key as the signed integer that both databases have.
pub(in crate::store) fn integer(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(damaged)
}

/// What is read cannot have been written by this program.
pub(in crate::store) fn damaged(reason: impl std::fmt::Display) -> StoreError {
    StoreError::Internal(format!("a stored value is damaged: {reason}"))
}

/// An answer as a column.
pub(in crate::store) fn answer_column(answer: &KeptAnswer) -> Result<String, StoreError> {
    serde_json::to_string(answer).map_err(|error| StoreError::Internal(format!("an answer cannot be kept: {error}")))
}

/// What a row of a request that was begun says to a request.
pub(in crate::store) fn begun(
    row: Option<(Vec<u8>, Option<String>)>,
    request: &ContentHash,
) -> Result<Option<Begun>, StoreError> {
    Ok(match row {
        None => None,
        Some((other, _)) if other != request.0 => Some(Begun::Other),
        Some((_, None)) => Some(Begun::Running),
        Some((_, Some(answer))) => Some(Begun::Answered(serde_json::from_str(&answer).map_err(damaged)?)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_descriptor_reads_back_bit_for_bit(values in prop::collection::vec(-1e3_f32..1e3, 1..600)) {
            prop_assume!(values.iter().any(|v| v.abs() > 1e-3));
            let dimension = values.len();
            let descriptor = Descriptor::new(values, dimension).expect("valid");
            let again = decode_descriptor(&encode_descriptor(&descriptor)).expect("readable");
            let bits = |d: &Descriptor| d.values().iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(&again), bits(&descriptor));
        }
    }

    #[test]
    fn the_bytes_of_a_descriptor_are_little_endian() {
        let descriptor = Descriptor::new(vec![0.0, 1.0], 2).expect("valid");
        assert_eq!(encode_descriptor(&descriptor), [0, 0, 0, 0, 0, 0, 0x80, 0x3f]);
    }

    #[test]
    fn damaged_bytes_are_no_descriptor() {
        for bytes in [&[][..], &[0, 0, 0x80], &[0, 0, 0x80, 0x3f, 0], &[0, 0, 0xc0, 0x7f], &[0; 8]] {
            assert!(matches!(decode_descriptor(bytes), Err(StoreError::Internal(_))), "{bytes:?}");
        }
    }

    #[test]
    fn times_survive_as_microseconds() {
        let time = crate::domain::Clock::now(&crate::domain::SystemClock);
        assert_eq!(microseconds(time).into_time().expect("in range"), time);
        let old = OffsetDateTime::from_unix_timestamp_nanos(-1_500_000_000).expect("in range");
        assert_eq!(microseconds(old), -1_500_000);
    }
}
