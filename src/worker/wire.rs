//! Frames between the service and a worker: two lengths (32 bits, little-endian), a head (postcard)
//! and a body of plain bytes.

use std::io::{self, ErrorKind, Read, Write};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::domain::{Descriptor, DescriptorVersion, ExtractionCost, ImageFormat, Profile, QueryRegion, Thumbnail};
use eyrie_vision::DescriberOptions;
use eyrie_vision::describe::{Extraction, Request};
use eyrie_vision::local::LocalFeatures;
use eyrie_vision::picture::{Decoded, PictureError};

/// The longest head and the longest body: more than a picture of any limit takes.
const MAX_BYTES: usize = 1 << 31;

/// How the child describes; the first thing that it is told.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Start {
    pub(super) options: DescriberOptions,
}

/// What the child says to that.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Started {
    /// It waits for pictures.
    Ready {
        /// Why it could not give up everything, where it could not.
        open: Option<String>,
    },
    /// It cannot describe anything.
    Failed(String),
}

/// What is wanted of the picture in the body.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Task {
    profile: Profile,
    region: Option<[f64; 4]>,
    thumbnail: bool,
    view: u32,
    features: usize,
    parts: bool,
}

impl From<Request> for Task {
    fn from(request: Request) -> Self {
        let Request { profile, region, thumbnail, view, features, parts } = request;
        Self { profile, region: region.map(QueryRegion::to_array), thumbnail, view, features, parts }
    }
}

impl Task {
    pub(super) fn request(self) -> Result<Request, PictureError> {
        let Self { profile, region, thumbnail, view, features, parts } = self;
        let region = region.map(QueryRegion::new).transpose().map_err(|e| PictureError::Internal(e.to_string()))?;
        Ok(Request { profile, region, thumbnail, view, features, parts })
    }
}

/// What became of it; the pixels of the view, where there is one, are the body.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Done {
    pub(super) answer: Result<Described, PictureError>,
    /// Bytes that the child keeps between two pictures.
    pub(super) memory_bytes: usize,
    /// Decoders that panicked in the child so far.
    pub(super) decoder_panics: u64,
}

/// An [`Extraction`] but for the pixels of its view.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Described {
    descriptor: Vec<f32>,
    parts: Vec<Vec<f32>>,
    model: String,
    profile: Profile,
    format: ImageFormat,
    region: Option<[f64; 4]>,
    width: u32,
    height: u32,
    thumbnail: Option<(Vec<u8>, String)>,
    view: Option<[u32; 2]>,
    features: Option<Vec<u8>>,
    decode_time: Duration,
    network_time: Duration,
    features_time: Duration,
    cost: ExtractionCost,
}

impl Described {
    /// The extraction as head and body.
    pub(super) fn parts(extraction: Extraction) -> (Self, Vec<u8>) {
        let view = extraction.view.as_ref().map(|view| [view.width, view.height]);
        let described = Self {
            descriptor: extraction.descriptor.values().to_vec(),
            parts: extraction.parts.iter().map(|part| part.values().to_vec()).collect(),
            model: extraction.version.model().to_owned(),
            profile: extraction.version.profile(),
            format: extraction.format,
            region: extraction.region.map(QueryRegion::to_array),
            width: extraction.width,
            height: extraction.height,
            thumbnail: extraction.thumbnail.map(|thumbnail| (thumbnail.bytes, thumbnail.media_type)),
            view,
            features: extraction.features.map(|features| features.encode()),
            decode_time: extraction.decode_time,
            network_time: extraction.network_time,
            features_time: extraction.features_time,
            cost: extraction.cost,
        };
        (described, extraction.view.map_or_else(Vec::new, |view| view.rgb))
    }

    /// The extraction again. A child that a picture took over can lie, so everything is checked as
    /// if a stranger had sent it.
    pub(super) fn extraction(self, body: Vec<u8>) -> Result<Extraction, String> {
        let dimension = self.descriptor.len();
        let view = match self.view {
            Some([width, height]) if body.len() as u64 == u64::from(width) * u64::from(height) * 3 => {
                Some(Decoded { rgb: body, format: self.format, width, height })
            }
            Some(_) => return Err("a view of another size than it says".to_owned()),
            None => None,
        };
        let thumbnail = self.thumbnail.map(|(bytes, media_type)| Thumbnail { bytes, media_type });
        if thumbnail.as_ref().is_some_and(|thumbnail| thumbnail.media_type != "image/jpeg") {
            return Err("a thumbnail that is no JPEG".to_owned());
        }
        let descriptor = |values| Descriptor::new(values, dimension).map_err(|e| e.to_string());
        Ok(Extraction {
            descriptor: descriptor(self.descriptor)?,
            parts: self.parts.into_iter().map(descriptor).collect::<Result<_, String>>()?,
            version: DescriptorVersion::new(self.model, self.profile),
            format: self.format,
            region: self.region.map(QueryRegion::new).transpose().map_err(|e| e.to_string())?,
            width: self.width,
            height: self.height,
            thumbnail,
            view,
            features: self
                .features
                .map(|bytes| LocalFeatures::decode(&bytes))
                .transpose()
                .map_err(|e| e.to_string())?,
            decode_time: self.decode_time,
            network_time: self.network_time,
            features_time: self.features_time,
            cost: self.cost,
        })
    }
}

/// Writes one frame.
pub(super) fn write(output: &mut impl Write, head: &impl Serialize, body: &[u8]) -> io::Result<()> {
    let head = postcard::to_stdvec(head).map_err(io::Error::other)?;
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).map(u32::to_le_bytes).map_err(io::Error::other);
    output.write_all(&[length(&head)?, length(body)?].concat())?;
    output.write_all(&head)?;
    output.write_all(body)?;
    output.flush()
}

/// Reads one frame; `None` at the end of the input.
pub(super) fn read<T: DeserializeOwned>(input: &mut impl Read) -> io::Result<Option<(T, Vec<u8>)>> {
    let mut lengths = [0; 8];
    if input.read(&mut lengths[..1])? == 0 {
        return Ok(None);
    }
    input.read_exact(&mut lengths[1..])?;
    let mut part = |at: usize| {
        let [a, b, c, d] = [0, 1, 2, 3].map(|i| lengths[at + i]);
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        if length > MAX_BYTES {
            return Err(io::Error::new(ErrorKind::InvalidData, "a frame longer than any"));
        }
        let mut bytes = Vec::new();
        // Grows as bytes come: a length that lies takes no memory.
        input.by_ref().take(length as u64).read_to_end(&mut bytes)?;
        if bytes.len() == length { Ok(bytes) } else { Err(ErrorKind::UnexpectedEof.into()) }
    };
    let head = part(0)?;
    let body = part(4)?;
    let head = postcard::from_bytes(&head).map_err(|e| io::Error::new(ErrorKind::InvalidData, e))?;
    Ok(Some((head, body)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_comes_out_as_it_went_in_and_a_damaged_one_not_at_all() {
        let mut bytes = Vec::new();
        write(&mut bytes, &Started::Failed("why".to_owned()), b"body").expect("written");
        let (head, body) = read::<Started>(&mut &bytes[..]).expect("read").expect("a frame");
        assert!(matches!(head, Started::Failed(reason) if reason == "why"));
        assert_eq!(body, b"body");
        assert!(read::<Started>(&mut &bytes[..0]).expect("the end").is_none());
        for length in 1..bytes.len() {
            assert!(read::<Started>(&mut &bytes[..length]).is_err(), "{length} of {}", bytes.len());
        }
        bytes[3] = 0xff;
        assert!(read::<Started>(&mut &bytes[..]).is_err(), "a length that lies");
    }

    #[test]
    fn errors_and_requests_survive_the_way() {
        let errors = [
            PictureError::Empty,
            PictureError::Corrupt("why".to_owned()),
            PictureError::TooManyPixels { width: 1, height: 2, max_pixels: 3 },
        ];
        for error in errors {
            let text = error.to_string();
            let done = Done { answer: Err(error), memory_bytes: 1, decoder_panics: 2 };
            let mut bytes = Vec::new();
            write(&mut bytes, &done, &[]).expect("written");
            let (back, _) = read::<Done>(&mut &bytes[..]).expect("read").expect("a frame");
            assert_eq!(back.answer.expect_err("an error").to_string(), text);
        }
        let region = QueryRegion::new([0.1, 0.2, 0.3, 0.4]).expect("a box");
        let request =
            Request { profile: Profile::Nip, region: Some(region), thumbnail: true, view: 7, features: 9, parts: true };
        let bytes = postcard::to_stdvec(&Task::from(request)).expect("written");
        assert_eq!(postcard::from_bytes::<Task>(&bytes).expect("read").request().expect("a request"), request);
    }
}
