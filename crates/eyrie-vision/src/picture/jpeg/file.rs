//! The segments of a JPEG.

use std::ops::Range;

use super::super::error::PictureError;
use super::super::reading::damaged;

/// A profile larger than this is no profile of a picture; see [`super::super::colour`].
const PROFILE_SEGMENTS_MAX: usize = 255;

/// One component of the frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Component {
    pub(super) id: u8,
    /// Sampling factors, 1 to 4.
    pub(super) h: u8,
    pub(super) v: u8,
    /// The number of its quantisation table, 0 to 3.
    quantiser: u8,
}

/// The frame header.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) progressive: bool,
    pub(super) width: u16,
    pub(super) height: u16,
    pub(super) components: Vec<Component>,
}

impl Frame {
    /// The largest sampling factors.
    pub(super) fn most(&self) -> (u8, u8) {
        let most = |of: fn(&Component) -> u8| self.components.iter().map(of).max().unwrap_or(1);
        (most(|c| c.h), most(|c| c.v))
    }
}

/// One scan: its header, the tables and the restart interval that hold for it, and where its data
/// are.
#[derive(Debug)]
pub(super) struct Scan {
    /// Index of a component, number of its DC table, of its AC table.
    pub(super) components: Vec<(usize, u8, u8)>,
    /// First and last coefficient, previous and new point transform.
    pub(super) spectrum: Range<u8>,
    pub(super) high: u8,
    pub(super) low: u8,
    /// Bytes of the entropy-coded data, restart markers included.
    pub(super) data: Range<usize>,
    pub(super) restart_interval: u16,
    /// How many DHT segments came before.
    pub(super) tables: usize,
    /// How many DQT segments came before.
    quantisers: usize,
}

/// How the components make colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colours {
    Grey,
    YCbCr,
    Rgb,
    Cmyk,
    Ycck,
}

/// What stands in a JPEG up to its end marker, or up to the end of the file where that is missing.
#[derive(Debug)]
pub(super) struct File<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) frame: Frame,
    pub(super) scans: Vec<Scan>,
    /// Payloads of all DHT segments, in order.
    pub(super) huffman: Vec<&'a [u8]>,
    /// Payloads of all DQT segments, in order.
    quantisers: Vec<&'a [u8]>,
    pub(super) colours: Colours,
    /// The payload of the first EXIF segment, from its TIFF header on. A second one does not count,
    /// as in browsers.
    pub(super) exif: Option<&'a [u8]>,
    /// Payloads of the ICC segments: number, count, bytes.
    profile: Vec<(u8, u8, &'a [u8])>,
    /// Segments and scans that pixels depend on.
    essential: Vec<Range<usize>>,
    /// The payload of the last Adobe segment of full length.
    adobe: Option<&'a [u8]>,
}

impl<'a> File<'a> {
    /// Walks the segments to the end marker. Stray bytes between them are stepped over, as browsers
    /// do.
    ///
    /// # Errors
    /// [`PictureError`] for what is no whole JPEG, and for kinds that no browser shows.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, PictureError> {
        let mut at = 2;
        let mut frame = None;
        let (mut scans, mut huffman, mut quantisers) = (Vec::new(), Vec::new(), Vec::new());
        let (mut profile, mut essential) = (Vec::new(), Vec::new());
        let (mut exif, mut adobe, mut jfif, mut restart_interval) = (None, None, false, 0);
        while let Some((marker, payload)) = segment(bytes, at, scans.is_empty())? {
            let start = payload.start;
            at = payload.end;
            let data = &bytes[payload.clone()];
            let whole = start - 4..payload.end;
            match marker {
                0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                    return Err(PictureError::UnsupportedKind(
                        "lossless, hierarchical or arithmetic-coded JPEG".to_owned(),
                    ));
                }
                0xc0..=0xc2 if frame.is_some() => return Err(damaged("it has two frame headers")),
                0xc0..=0xc2 => {
                    frame = Some(frame_header(marker, data)?);
                    essential.push(whole);
                }
                0xc4 => {
                    huffman.push(data);
                    essential.push(whole);
                }
                0xdb => {
                    quantisers.push(data);
                    essential.push(whole);
                }
                0xdd => {
                    restart_interval = data.first_chunk().map_or(0, |two| u16::from_be_bytes(*two));
                    essential.push(whole);
                }
                0xda => {
                    let frame = frame.as_ref().ok_or_else(|| damaged("a scan comes before the frame header"))?;
                    let mut scan = scan_header(frame, data)?;
                    scan.data = payload.end..end_of_data(bytes, payload.end);
                    scan.restart_interval = restart_interval;
                    scan.tables = huffman.len();
                    scan.quantisers = quantisers.len();
                    at = scan.data.end;
                    essential.push(start - 4..at);
                    scans.push(scan);
                }
                0xe0 if data.starts_with(b"JFIF\0") => jfif = true,
                0xe1 if exif.is_none() => exif = data.strip_prefix(b"Exif\0").and_then(|rest| rest.get(1..)),
                0xe2 => {
                    if let Some([number, count, part @ ..]) = data.strip_prefix(b"ICC_PROFILE\0") {
                        profile.push((*number, *count, part));
                    }
                }
                // A shorter one says nothing: libjpeg wants all twelve bytes.
                0xee if data.len() >= 12 && data.starts_with(b"Adobe") => {
                    adobe = Some(data);
                    essential.push(whole);
                }
                _ => {}
            }
        }
        let frame = frame.ok_or_else(|| damaged("it has no frame header"))?;
        let colours = colours(&frame, jfif, adobe.map(transform));
        Ok(Self { bytes, frame, scans, huffman, quantisers, colours, exif, profile, essential, adobe })
    }

    /// The file without what pixels do not depend on, with an end marker.
    pub(super) fn essential(&self) -> Vec<u8> {
        let mut out = vec![0xff, 0xd8];
        for range in &self.essential {
            out.extend_from_slice(&self.bytes[range.clone()]);
        }
        out.extend_from_slice(&[0xff, 0xd9]);
        out
    }

    /// The embedded colour profile, when each of its parts is there once.
    pub(super) fn profile(&self) -> Option<Vec<u8>> {
        let mut parts = self.profile.clone();
        parts.sort_by_key(|&(number, ..)| number);
        let count = parts.len();
        let sound = count <= PROFILE_SEGMENTS_MAX
            && parts.iter().zip(1..).all(|(&(number, of, _), place)| usize::from(of) == count && number == place);
        (sound && count > 0).then(|| parts.into_iter().flat_map(|(.., part)| part).copied().collect())
    }

    /// Whether the file is of the kinds that zune-jpeg gets right where its components are
    /// interleaved or progressive: the usual samplings, colours coded as the component numbers and
    /// markers say to every decoder.
    pub(super) fn is_usual(&self) -> bool {
        let factors: Vec<(u8, u8)> = self.frame.components.iter().map(|c| (c.h, c.v)).collect();
        let ids: Vec<u8> = self.frame.components.iter().map(|c| c.id).collect();
        let sampled =
            matches!(factors.as_slice(), [_] | [(1 | 2, 1 | 2), (1, 1), (1, 1)] | [(1, 1), (1, 1), (1, 1), (1, 1)]);
        let coloured = match self.colours {
            Colours::Grey => true,
            Colours::YCbCr => ids == [1, 2, 3] && matches!(self.adobe.map(transform), None | Some(1)),
            Colours::Cmyk => ids == [1, 2, 3, 4] && self.adobe.map(transform) == Some(0),
            Colours::Ycck => ids == [1, 2, 3, 4] && self.adobe.map(transform) == Some(2),
            Colours::Rgb => false,
        };
        sampled && coloured
    }

    /// Whether a decoder would lose its place in the scans as they are. A scan of one component has
    /// the blocks that the component needs for its own pixels (ITU-T T.81, A.2.3); zune-jpeg knows
    /// that of progressive files alone, and jpeg-decoder reads as many as fill whole units of all
    /// components, but none beyond the picture's own sides.
    pub(super) fn needs_interleaving(&self) -> bool {
        if self.frame.progressive { !self.is_usual() && self.is_padded() } else { self.scans.len() > 1 }
    }

    /// Whether jpeg-decoder reads another number of blocks than a scan of one component has.
    fn is_padded(&self) -> bool {
        let (most_h, most_v) = self.frame.most();
        let padded = |side: u16, factor: u8, most: u8| {
            let [side, factor, most] = [u32::from(side), u32::from(factor), u32::from(most)];
            let needed = (side * factor).div_ceil(most).div_ceil(8);
            let read = (side.div_ceil(8 * most) * factor).min(side.div_ceil(8));
            read != needed
        };
        self.scans.iter().any(|scan| {
            let &[(component, ..)] = scan.components.as_slice() else {
                return false;
            };
            let component = self.frame.components[component];
            padded(self.frame.width, component.h, most_h) || padded(self.frame.height, component.v, most_v)
        })
    }

    /// The quantisation table that holds for a component in its first scan, in zigzag order.
    pub(super) fn quantisation(&self, component: usize) -> Option<[u16; 64]> {
        let number = self.frame.components[component].quantiser;
        let scan = self.scans.iter().find(|scan| scan.components.iter().any(|&(index, ..)| index == component))?;
        let mut found = None;
        for mut payload in self.quantisers[..scan.quantisers].iter().copied() {
            while let Some((&kind, rest)) = payload.split_first() {
                let bytes = if kind >> 4 == 0 { 1 } else { 2 };
                let (steps, rest) = rest.split_at_checked(64 * bytes)?;
                if kind & 15 == number {
                    let step = |place: usize| match steps[place * bytes..][..bytes] {
                        [high, low] => u16::from_be_bytes([high, low]),
                        [low, ..] => low.into(),
                        [] => 0,
                    };
                    found = Some(std::array::from_fn(step));
                }
                payload = rest;
            }
        }
        found
    }

    /// The Adobe segment, which says how colours are coded.
    pub(super) fn adobe_segment(&self) -> Option<impl Iterator<Item = u8>> {
        let payload = self.adobe?;
        let length = (payload.len() as u16 + 2).to_be_bytes();
        Some([0xff, 0xee].into_iter().chain(length).chain(payload.iter().copied()))
    }

    /// Bytes that decoding takes at most: coefficients where they are kept, planes, pixels.
    pub(super) fn bytes_to_decode(&self) -> u64 {
        let (h, v) = self.frame.most();
        let pixels = u64::from(self.frame.width) * u64::from(self.frame.height);
        let samples: u64 = self
            .frame
            .components
            .iter()
            .map(|c| pixels * u64::from(c.h) * u64::from(c.v) / (u64::from(h) * u64::from(v)))
            .sum();
        let components = self.frame.components.len() as u64;
        // The usual decoder makes RGB of whatever it finds, stripe by stripe.
        let rest = if self.is_usual() { pixels * components.min(3) } else { samples + pixels * components };
        if self.needs_interleaving() {
            // First the one, then the other, beside the file that is written between them.
            rest.max(2 * samples) + 2 * self.bytes.len() as u64
        } else {
            rest + if self.frame.progressive { 2 * samples } else { 0 }
        }
    }
}

/// The next segment behind `at`: its marker and its payload; `None` at the end marker, or at the
/// end of a file without one.
fn segment(bytes: &[u8], mut at: usize, needed: bool) -> Result<Option<(u8, Range<usize>)>, PictureError> {
    let ends = || if needed { Err(PictureError::Truncated) } else { Ok(None) };
    loop {
        let Some(skipped) = bytes.get(at..).and_then(|rest| rest.iter().position(|&b| b == 0xff)) else {
            return ends();
        };
        at += skipped;
        let Some(filled) = bytes[at..].iter().position(|&b| b != 0xff) else {
            return ends();
        };
        at += filled + 1;
        let marker = bytes[at - 1];
        match marker {
            0xd9 if needed => return Err(damaged("it ends before the first scan")),
            0xd9 => return Ok(None),
            0x00 | 0x01 | 0xd0..=0xd8 => continue,
            _ => {}
        }
        let Some(length) = bytes.get(at..).and_then(|rest| rest.first_chunk()) else {
            return Err(PictureError::Truncated);
        };
        let length = usize::from(u16::from_be_bytes(*length));
        if length < 2 {
            return Err(damaged("a segment is shorter than its own length"));
        }
        let payload = at + 2..at + length;
        return if payload.end > bytes.len() { Err(PictureError::Truncated) } else { Ok(Some((marker, payload))) };
    }
}

/// Where the data of a scan end: at a marker that is no restart marker, or at the end of the file.
fn end_of_data(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(found) = bytes[at..].iter().position(|&b| b == 0xff) {
        at += found;
        match bytes.get(at + 1) {
            Some(0x00 | 0xd0..=0xd7) => at += 2,
            Some(0xff) => at += 1,
            Some(_) => return at,
            None => break,
        }
    }
    bytes.len()
}

fn frame_header(marker: u8, data: &[u8]) -> Result<Frame, PictureError> {
    let [precision, h1, h0, w1, w0, count, rest @ ..] = data else {
        return Err(damaged("its frame header is too short"));
    };
    if *precision != 8 {
        return Err(PictureError::UnsupportedKind(format!("{precision}-bit JPEG")));
    }
    let (width, height) = (u16::from_be_bytes([*w1, *w0]), u16::from_be_bytes([*h1, *h0]));
    if width == 0 || height == 0 {
        return Err(PictureError::ZeroSized { width: width.into(), height: height.into() });
    }
    let components: Vec<Component> = rest
        .as_chunks::<3>()
        .0
        .iter()
        .take(usize::from(*count))
        .map(|&[id, factors, quantiser]| Component { id, h: factors >> 4, v: factors & 15, quantiser })
        .collect();
    if components.len() != usize::from(*count) {
        return Err(damaged("its frame header is too short"));
    }
    if !matches!(components.len(), 1 | 3 | 4) {
        return Err(PictureError::UnsupportedKind(format!("JPEG of {count} components")));
    }
    if components.iter().any(|c| !(1..=4).contains(&c.h) || !(1..=4).contains(&c.v)) {
        return Err(damaged("a sampling factor is not 1 to 4"));
    }
    let frame = Frame { progressive: marker == 0xc2, width, height, components };
    let (h, v) = frame.most();
    if frame.components.iter().any(|c| h % c.h != 0 || v % c.v != 0) {
        return Err(PictureError::UnsupportedKind("JPEG of fractional sampling".to_owned()));
    }
    Ok(frame)
}

fn scan_header(frame: &Frame, data: &[u8]) -> Result<Scan, PictureError> {
    let bad = || damaged("a scan header makes no sense");
    let (&count, rest) = data.split_first().ok_or_else(bad)?;
    let (selectors, rest) = rest.split_at_checked(2 * usize::from(count)).ok_or_else(bad)?;
    let &[first, last, approximation, ..] = rest else {
        return Err(bad());
    };
    let components: Vec<(usize, u8, u8)> = selectors
        .as_chunks::<2>()
        .0
        .iter()
        .map(|&[id, tables]| {
            let index = frame.components.iter().position(|c| c.id == id)?;
            (tables >> 4 < 4 && tables & 15 < 4).then_some((index, tables >> 4, tables & 15))
        })
        .collect::<Option<_>>()
        .ok_or_else(bad)?;
    let distinct = (1..components.len()).all(|i| components[..i].iter().all(|other| other.0 != components[i].0));
    if components.is_empty() || !distinct {
        return Err(bad());
    }
    let (spectrum, high, low) = if frame.progressive {
        (first..last.saturating_add(1), approximation >> 4, approximation & 15)
    } else {
        (0..64, 0, 0)
    };
    let dc = spectrum.start == 0;
    if spectrum.is_empty() || spectrum.end > 64 || low > 13 || frame.progressive && dc != (spectrum.end == 1) {
        return Err(bad());
    }
    if !dc && components.len() != 1 {
        return Err(bad());
    }
    Ok(Scan { components, spectrum, high, low, data: 0..0, restart_interval: 0, tables: 0, quantisers: 0 })
}

/// What an Adobe segment of full length says of the colours.
fn transform(adobe: &[u8]) -> u8 {
    adobe[11]
}

/// How colours are coded, by the rules of libjpeg.
fn colours(frame: &Frame, jfif: bool, adobe: Option<u8>) -> Colours {
    let ids: Vec<u8> = frame.components.iter().map(|c| c.id).collect();
    match (ids.as_slice(), adobe) {
        ([_], _) => Colours::Grey,
        ([_, _, _, _, ..], Some(2)) => Colours::Ycck,
        ([_, _, _, _, ..], _) => Colours::Cmyk,
        (_, _) if jfif => Colours::YCbCr,
        (_, Some(0)) | (b"RGB", None) => Colours::Rgb,
        _ => Colours::YCbCr,
    }
}
