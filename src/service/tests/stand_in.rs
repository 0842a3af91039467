//! An extractor whose answers and timing a test decides.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use crate::domain::{Descriptor, DescriptorVersion, ExtractionCost, ImageFormat, Thumbnail};
use eyrie_vision::describe::{Extraction, Extractor, Request};
use eyrie_vision::local::{Cell, Cells, LocalFeatures};
use eyrie_vision::picture::{DecodeLimits, Decoded, PictureError, crop, luma};

pub(super) const DIMENSION: usize = 8;

/// Of the regions of images.
const LIMITS: DecodeLimits = DecodeLimits { max_pixels: 1 << 20, max_aspect_ratio: 20 };

/// Knows the images that were begun and holds the workers back while it is closed.
pub(super) struct Control {
    begun: watch::Sender<Vec<Vec<u8>>>,
    held: Mutex<bool>,
    released: Condvar,
}

impl Default for Control {
    fn default() -> Self {
        Self { begun: watch::Sender::new(Vec::new()), held: Mutex::new(false), released: Condvar::new() }
    }
}

impl Control {
    /// Lets every worker stop inside its next image.
    pub(super) fn hold(&self) {
        *self.held.lock().unwrap() = true;
    }

    pub(super) fn release(&self) {
        *self.held.lock().unwrap() = false;
        self.released.notify_all();
    }

    /// Images that a worker began.
    pub(super) fn begun(&self) -> usize {
        self.begun.borrow().len()
    }

    /// The bytes of these images, in their order.
    pub(super) fn order(&self) -> Vec<Vec<u8>> {
        self.begun.borrow().clone()
    }

    /// Waits until workers began so many images.
    pub(super) async fn until_begun(&self, images: usize) {
        self.begun.subscribe().wait_for(|begun| begun.len() >= images).await.expect("the sender lives");
    }

    fn pass(&self, image: &[u8]) {
        self.begun.send_modify(|begun| begun.push(image.to_vec()));
        let mut held = self.held.lock().unwrap();
        while *held {
            held = self.released.wait(held).unwrap();
        }
    }
}

pub(super) struct StandIn {
    model: &'static str,
    control: Arc<Control>,
}

impl StandIn {
    pub(super) fn boxed(model: &'static str, control: &Arc<Control>) -> Box<dyn Extractor> {
        Box::new(Self { model, control: Arc::clone(control) })
    }
}

/// What the stand-in makes of an image: its first eight bytes, each plus one.
pub(super) fn values(bytes: &[u8]) -> Vec<f32> {
    (0..DIMENSION).map(|i| bytes.get(i).map_or(1.0, |&b| f32::from(b) + 1.0)).collect()
}

/// Between the eight bytes of the descriptor and a picture: two bytes each for width and height,
/// then its pixels.
const PICTURE: &[u8] = b"picture:";

/// An image with this descriptor and these grey pixels. Where the last number of the descriptor is
/// not 0 it has cells, those that all such images have.
pub(super) fn with_picture(descriptor: [u8; DIMENSION], width: u16, height: u16, pixels: &[u8]) -> Vec<u8> {
    [&descriptor[..], PICTURE, &width.to_le_bytes(), &height.to_le_bytes(), pixels].concat()
}

/// Between the eight bytes of the descriptor and those of its parts, eight each.
const PARTS: &[u8] = b"parts:";

/// An image with this descriptor and these parts.
pub(super) fn with_parts(descriptor: [u8; DIMENSION], parts: &[[u8; DIMENSION]]) -> Vec<u8> {
    [&descriptor[..], PARTS, &parts.concat()].concat()
}

fn parts(bytes: &[u8]) -> Vec<Descriptor> {
    let parts = bytes.get(DIMENSION..).and_then(|rest| rest.strip_prefix(PARTS)).unwrap_or_default();
    let described = parts.chunks(DIMENSION).map(|part| Descriptor::new(values(part), DIMENSION));
    described.collect::<Result<_, _>>().expect("finite and not zero")
}

/// Thirty cells on a grid; those of another `kind` have nothing in common with them.
fn cells(kind: u8) -> Option<Cells> {
    let bits = |i: u16| {
        Sha256::digest([kind, i as u8]).as_chunks::<8>().0.iter().map(|b| u64::from_le_bytes(*b)).collect::<Vec<_>>()
    };
    let cell = |i: u16| Cell { x: 40 + i % 6 * 40, y: 40 + i / 6 * 40, bits: bits(i).try_into().expect("four words") };
    Cells::new(1, [320, 320], (0..30).map(cell).collect()).filter(|_| kind > 0)
}

/// Width, height and grey pixels; eight black ones where the image names none.
fn grey(bytes: &[u8]) -> (u32, u32, Vec<u8>) {
    let Some(picture) = bytes.get(DIMENSION..).and_then(|rest| rest.strip_prefix(PICTURE)) else {
        return (4, 2, vec![0; 8]);
    };
    let side = |at: usize| u32::from(u16::from_le_bytes([picture[at], picture[at + 1]]));
    (side(0), side(2), picture[4..].to_vec())
}

impl Extractor for StandIn {
    fn memory_bytes(&self) -> usize {
        0
    }

    fn extract(&mut self, bytes: &[u8], request: Request) -> Result<Extraction, PictureError> {
        self.control.pass(bytes);
        assert_ne!(bytes, b"panic", "this image is the one that panics");
        if bytes.starts_with(b"not an image") {
            return Err(PictureError::NotAnImage);
        }
        let (width, height, grey) = grey(bytes);
        let rgb = grey.into_iter().flat_map(|grey| [grey; 3]).collect();
        let whole = Decoded { rgb, format: ImageFormat::Png, width, height };
        let (picture, region) = match request.region {
            Some(region) => crop(whole, region, LIMITS).map(|(part, region)| (part, Some(region)))?,
            None => (whole, None),
        };
        let thumbnail = Thumbnail { bytes: bytes.to_vec(), media_type: "image/png".to_owned() };
        let features = (request.features > 0).then(|| {
            let (width, height) = (picture.width as usize, picture.height as usize);
            let features = LocalFeatures::extract(&luma(&picture), width, height, request.features);
            features.expect("a picture").with_cells(cells(bytes.get(DIMENSION - 1).copied().unwrap_or_default()))
        });
        let time = if bytes.starts_with(b"eternity") { Duration::MAX } else { Duration::ZERO };
        Ok(Extraction {
            descriptor: Descriptor::new(values(bytes), DIMENSION).expect("finite and not zero"),
            parts: if request.parts { parts(bytes) } else { Vec::new() },
            version: DescriptorVersion::new(self.model, request.profile),
            format: ImageFormat::Png,
            region,
            width: picture.width,
            height: picture.height,
            thumbnail: request.thumbnail.then_some(thumbnail),
            view: (request.view > 0).then_some(picture),
            features,
            decode_time: time,
            network_time: time,
            features_time: time,
            cost: ExtractionCost {
                passes: 1,
                cycles: 2,
                macs: 3,
                buffer_bytes: 4,
                chip_milliseconds: 5.0,
                energy_millijoules: [6.0, 7.0],
                host_milliseconds: 8.0,
            },
        })
    }
}
