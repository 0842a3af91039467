//! The lines of an export: JSON objects, one a line (NDJSON). A header, a line for each image in
//! order of id, and an end with their number, by which a stream that was cut is told.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::domain::{
    Collection, CollectionName, ContentHash, Descriptor, DescriptorVersion, ImageFormat, ImageId, KeyId, Metadata,
    MetadataLimits, Thumbnail, whole_microseconds,
};
use crate::service::ServiceError;
use crate::store::{NewImage, RestoredImage, WholeImage};
use eyrie_vision::local::LocalFeatures;
use eyrie_vision::picture::sniff;

/// The longest line that is read, in bytes.
pub const MAX_LINE_BYTES: usize = 8 << 20;

/// What the paths of lines in a tar begin with; a number follows.
pub(super) const RECORDS: &str = "records/";

/// What these paths end with.
pub(super) const RECORDS_END: &str = ".ndjson";

/// The version of this format.
const FORMAT_VERSION: u32 = 1;

/// The largest upload that `server.max_upload_bytes` allows. The sums of made-up sizes stay small
/// enough to be counted.
const MAX_PICTURE_BYTES: u64 = 1 << 30;

/// The largest thumbnail that is read, in bytes; those that the service makes have some 20 KB.
const MAX_THUMBNAIL_BYTES: usize = 1 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Header,
    Image,
    End,
}

/// The first line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportHeader {
    #[serde(rename = "type")]
    kind: Kind,
    format_version: u32,
    /// The collection that was exported.
    pub collection: CollectionName,
    /// Its description.
    pub description: String,
    /// Model and profile of the descriptors that it can search.
    #[serde(with = "version")]
    pub version: DescriptorVersion,
    /// How many images it had when the export began.
    pub images: u64,
    /// The image behind which the export begins; `null` for all of it.
    pub after: Option<ImageId>,
}

impl ExportHeader {
    pub(super) fn new(
        collection: &Collection,
        version: DescriptorVersion,
        images: u64,
        after: Option<ImageId>,
    ) -> Self {
        Self {
            kind: Kind::Header,
            format_version: FORMAT_VERSION,
            collection: collection.name.clone(),
            description: collection.description.clone(),
            version,
            images,
            after,
        }
    }

    /// Reads the first line of an export.
    ///
    /// # Errors
    /// [`ServiceError::UnsupportedExport`]: it is none, or one of another version of the format.
    pub fn read(line: &[u8]) -> Result<Self, ServiceError> {
        /// What every version of the format begins with.
        #[derive(Deserialize)]
        struct Any {
            #[serde(rename = "type")]
            kind: Kind,
            format_version: u32,
        }
        let unsupported = |reason: String| ServiceError::UnsupportedExport(reason);
        let any: Any = serde_json::from_slice(line)
            .map_err(|e| unsupported(format!("the first line is not the header of an export: {e}")))?;
        if any.kind != Kind::Header {
            return Err(unsupported("the first line is not the header of an export".to_owned()));
        }
        if any.format_version != FORMAT_VERSION {
            let found = any.format_version;
            return Err(unsupported(format!("the export has format {found}, this program reads {FORMAT_VERSION}")));
        }
        serde_json::from_slice(line).map_err(|e| unsupported(format!("the header of the export: {e}")))
    }
}

/// The last line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    #[serde(rename = "type")]
    kind: Kind,
    /// Lines of images before it.
    images: u64,
}

/// An image.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ImageLine {
    #[serde(rename = "type")]
    kind: Kind,
    id: ImageId,
    sha256: String,
    format: String,
    width: u32,
    height: u32,
    byte_size: u64,
    metadata: Map<String, Value>,
    #[serde(with = "version")]
    version: DescriptorVersion,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    updated_at: OffsetDateTime,
    /// Little-endian 32-bit floats, as base64.
    descriptor: String,
    /// As base64; `null` for an image that was stored without.
    local_features: Option<String>,
    thumbnail: ThumbnailPart,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ThumbnailPart {
    media_type: String,
    /// As base64.
    bytes: String,
}

mod version {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::domain::DescriptorVersion;

    pub(super) fn serialize<S: Serializer>(version: &DescriptorVersion, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(version)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DescriptorVersion, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// A line behind the header.
#[derive(Debug)]
pub(super) enum Line {
    /// An image.
    Image(Box<RestoredImage>),
    /// The end, and how many images the export has.
    End(u64),
}

/// What an image must be to be taken.
pub(super) struct Expected {
    pub(super) version: DescriptorVersion,
    pub(super) dimension: usize,
    pub(super) metadata: MetadataLimits,
    /// The key that stores the images.
    pub(super) stored_by: Option<KeyId>,
}

/// Writes a value and the end of its line.
///
/// # Errors
/// [`ServiceError::Internal`].
pub(super) fn write(value: &impl Serialize, out: &mut Vec<u8>) -> Result<(), ServiceError> {
    serde_json::to_writer(&mut *out, value).map_err(|e| ServiceError::Internal(format!("a line of an export: {e}")))?;
    out.push(b'\n');
    Ok(())
}

/// Writes the line of an image.
///
/// # Errors
/// [`ServiceError::Internal`].
pub(super) fn write_image(image: WholeImage, out: &mut Vec<u8>) -> Result<(), ServiceError> {
    let WholeImage { record, descriptor, thumbnail, local_features } = image;
    let values: Vec<u8> = descriptor.values().iter().flat_map(|value| value.to_le_bytes()).collect();
    let line = ImageLine {
        kind: Kind::Image,
        id: record.id,
        sha256: record.content_hash.to_string(),
        format: record.format.as_str().to_owned(),
        width: record.width,
        height: record.height,
        byte_size: record.byte_size,
        metadata: record.metadata.as_map().clone(),
        version: record.version,
        created_at: record.created_at,
        updated_at: record.updated_at,
        descriptor: STANDARD.encode(values),
        local_features: (!local_features.is_empty()).then(|| STANDARD.encode(local_features)),
        thumbnail: ThumbnailPart { media_type: thumbnail.media_type, bytes: STANDARD.encode(thumbnail.bytes) },
    };
    write(&line, out)
}

/// Writes the last line.
///
/// # Errors
/// [`ServiceError::Internal`].
pub(super) fn write_end(images: u64, out: &mut Vec<u8>) -> Result<(), ServiceError> {
    write(&End { kind: Kind::End, images }, out)
}

/// Reads a line behind the header. Nothing of it is believed before it is checked.
///
/// # Errors
/// [`ServiceError::InvalidRecord`], [`ServiceError::VersionMismatch`], [`ServiceError::Metadata`],
/// [`ServiceError::Descriptor`].
pub(super) fn read(line: &[u8], expected: &Expected) -> Result<Line, ServiceError> {
    /// What tells lines apart.
    #[derive(Deserialize)]
    struct Any {
        #[serde(rename = "type")]
        kind: Kind,
    }
    let invalid = |e: serde_json::Error| ServiceError::InvalidRecord(e.to_string());
    let any: Any = serde_json::from_slice(line).map_err(invalid)?;
    match any.kind {
        Kind::Image => image(serde_json::from_slice(line).map_err(invalid)?, expected).map(Box::new).map(Line::Image),
        Kind::End => serde_json::from_slice::<End>(line).map(|end| Line::End(end.images)).map_err(invalid),
        Kind::Header => Err(ServiceError::InvalidRecord("a second header".to_owned())),
    }
}

fn image(line: ImageLine, expected: &Expected) -> Result<RestoredImage, ServiceError> {
    let invalid = |reason: &str| ServiceError::InvalidRecord(reason.to_owned());
    if line.version != expected.version {
        return Err(ServiceError::VersionMismatch { actual: line.version, expected: expected.version.clone() });
    }
    let format = ImageFormat::from_name(&line.format).ok_or_else(|| invalid("format: there is no such format"))?;
    if line.width == 0 || line.height == 0 {
        return Err(invalid("width and height: at least 1 is needed"));
    }
    if line.byte_size > MAX_PICTURE_BYTES {
        return Err(invalid("byte_size: no server takes a picture of so many bytes"));
    }
    let bytes = decoded("descriptor", &line.descriptor)?;
    let (values, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(invalid("descriptor: its bytes are no 32-bit floats"));
    }
    let values = values.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect();
    let local_features = match &line.local_features {
        Some(text) => {
            let bytes = decoded("local_features", text)?;
            LocalFeatures::decode(&bytes).map_err(|e| invalid(&format!("local_features: {e}")))?;
            bytes
        }
        None => Vec::new(),
    };
    let image = NewImage {
        id: line.id,
        content_hash: hash(&line.sha256)
            .ok_or_else(|| invalid("sha256: 64 lower-case hexadecimal digits are needed"))?,
        format,
        width: line.width,
        height: line.height,
        byte_size: line.byte_size,
        metadata: Metadata::new(Value::Object(line.metadata), expected.metadata)?,
        version: line.version,
        descriptor: Descriptor::new(values, expected.dimension)?,
        thumbnail: thumbnail(&line.thumbnail)?,
        local_features,
        original: None,
        stored_by: expected.stored_by.clone(),
    };
    let (created_at, updated_at) = (whole_microseconds(line.created_at), whole_microseconds(line.updated_at));
    if created_at < OffsetDateTime::UNIX_EPOCH || updated_at < created_at {
        return Err(invalid("created_at and updated_at: from 1970 on, the second one not before the first"));
    }
    Ok(RestoredImage { image, created_at, updated_at })
}

fn decoded(name: &str, text: &str) -> Result<Vec<u8>, ServiceError> {
    STANDARD.decode(text).map_err(|e| ServiceError::InvalidRecord(format!("{name}: not base64: {e}")))
}

fn hash(text: &str) -> Option<ContentHash> {
    let digit = |byte: u8| char::from(byte).to_digit(16).filter(|_| !byte.is_ascii_uppercase());
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    let bytes: Option<Vec<u8>> =
        pairs.iter().map(|[high, low]| Some((digit(*high)? * 16 + digit(*low)?) as u8)).collect();
    Some(ContentHash(bytes?.try_into().ok()?))
}

/// A thumbnail is served as what it says it is: it must be that.
fn thumbnail(part: &ThumbnailPart) -> Result<Thumbnail, ServiceError> {
    let bytes = decoded("thumbnail", &part.bytes)?;
    let types = [(ImageFormat::Jpeg, "image/jpeg"), (ImageFormat::Png, "image/png"), (ImageFormat::Webp, "image/webp")];
    let is_of_its_type = sniff(&bytes).is_ok_and(|format| types.contains(&(format, part.media_type.as_str())));
    if !is_of_its_type || bytes.len() > MAX_THUMBNAIL_BYTES {
        let reason = "thumbnail: a JPEG, PNG or WebP of at most 1 MiB with its media type is needed";
        return Err(ServiceError::InvalidRecord(reason.to_owned()));
    }
    Ok(Thumbnail { bytes, media_type: part.media_type.clone() })
}
