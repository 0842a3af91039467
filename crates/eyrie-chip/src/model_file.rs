//! The model as a file: 2-bit codes, the whitenings of the descriptors and a card that says where
//! it comes from.
//!
//! All numbers are little-endian.
//!
//! ```text
//! "EYRIEMDL"  version u32 = 1  sections u32
//! section:    name (u8 length, bytes)  length u64  payload
//! end:        SHA-256 of everything before it, 32 bytes
//! ```
//!
//! Sections, in this order: one `network`, any number of `whitening`, one `card`.
//!
//! ```text
//! network:    padding 3 x u8  layers u32, and for each layer
//!             name (u8 length, bytes)  cin u32  cout u32  codebook 4 x i8  shift u8  pool u8 (0 or 1)
//!             output_scale f32  multiplier cout x u16  bias cout x i32
//!             codes: cout * 9 * cin / 4 bytes, four codes a byte, lowest bits first, in the order [cout][ky][kx][cin]
//! whitening:  name (u8 length, bytes)  inputs u32  outputs u32  mean inputs x f32
//!             scale outputs x f32  components outputs x inputs x i8, each times the scale of its row
//! card:       UTF-8 text (JSON)
//! ```
//!
//! The components of a whitening are stored as bytes. The scale of a row has at most 16 significant
//! bits, so that `byte * scale` is exact in an `f32` and a decoded file encodes to the same bytes
//! again. What everybody uses are the decoded values: a descriptor depends on the file, never on
//! the numbers that the file was made from.

use sha2::{Digest, Sha256};

use crate::error::ModelError;
use crate::params::{ConvParams, NetworkParams, SoundConv, Whitening};

const MAGIC: &[u8; 8] = b"EYRIEMDL";
const VERSION: u32 = 1;
const CHECKSUM: usize = 32;
/// More than any model needs.
const SECTIONS_MAX: u32 = 64;

/// Everything that a model file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelFile {
    /// The network.
    pub network: NetworkParams,
    /// The maps from pooled vectors to descriptors, each with its own name.
    pub whitenings: Vec<Whitening>,
    /// JSON text: origin and licence of the weights, facts of the calibration, free text.
    pub card: String,
}

/// The first 16 hexadecimal digits of the SHA-256 of a model file: the name of its descriptors'
/// version.
pub fn fingerprint(file: &[u8]) -> String {
    Sha256::digest(file).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

impl ModelFile {
    /// The file. The same model always gives the same bytes; components of whitenings are rounded
    /// (see the module).
    ///
    /// Names are cut to 255 bytes. The lengths must fit each other, or [`ModelFile::decode`]
    /// refuses the result.
    pub fn encode(&self) -> Vec<u8> {
        let mut file =
            Vec::with_capacity(self.network.layers().iter().map(|layer| layer.codes.len() / 4).sum::<usize>());
        file.extend_from_slice(MAGIC);
        put_u32(&mut file, VERSION);
        put_u32(&mut file, as_u32(self.whitenings.len() + 2));
        put_section(&mut file, "network", &encode_network(&self.network));
        for whitening in &self.whitenings {
            put_section(&mut file, "whitening", &encode_whitening(whitening));
        }
        put_section(&mut file, "card", self.card.as_bytes());
        let checksum = Sha256::digest(&file);
        file.extend_from_slice(&checksum);
        file
    }

    /// Reads a file and checks that its network is one that the chip can run.
    ///
    /// Safe on any bytes: allocates at most a small multiple of the file's size.
    ///
    /// # Errors
    /// [`ModelError::Format`] for a file that is damaged or of another kind or version; those of
    /// [`SoundConv::new`] and [`NetworkParams::new`] for one that holds no sound network.
    pub fn decode(file: &[u8]) -> Result<Self, ModelError> {
        let Some((content, checksum)) = file.split_last_chunk::<CHECKSUM>() else {
            return Err(format_error("too short"));
        };
        let mut reader = Reader { rest: content };
        if reader.take(MAGIC.len()).ok() != Some(MAGIC) {
            return Err(format_error("it does not start as one"));
        }
        let version = reader.u32()?;
        if version != VERSION {
            return Err(ModelError::Format(format!("version {version}, this program reads version {VERSION}")));
        }
        if Sha256::digest(content)[..] != checksum[..] {
            return Err(format_error("the checksum does not match, the file is damaged"));
        }

        let sections = reader.u32()?;
        if sections > SECTIONS_MAX {
            return Err(ModelError::Format(format!("{sections} sections, {SECTIONS_MAX} are allowed")));
        }
        let (mut network, mut whitenings, mut card) = (None, Vec::new(), None);
        for index in 0..sections {
            let name = reader.name()?;
            let length = reader.u64()?;
            let payload = reader.take(usize::try_from(length).unwrap_or(usize::MAX))?;
            let mut payload = Reader { rest: payload };
            match name.as_str() {
                "network" if index == 0 => network = Some(decode_network(&mut payload)?),
                "whitening" if network.is_some() && card.is_none() => whitenings.push(decode_whitening(&mut payload)?),
                "card" if network.is_some() && card.is_none() => card = Some(payload.text(payload.rest.len())?),
                other => return Err(ModelError::Format(format!("section {other:?} is unknown or out of place"))),
            }
            payload.end()?;
        }
        reader.end()?;
        let (Some(network), Some(card)) = (network, card) else {
            return Err(format_error("a section is missing"));
        };
        for (index, whitening) in whitenings.iter().enumerate() {
            if whitenings[..index].iter().any(|other| other.name == whitening.name) {
                return Err(ModelError::Format(format!("two whitenings are called {:?}", whitening.name)));
            }
        }
        let (padding, layers): ([u8; 3], Vec<ConvParams>) = network;
        let layers = layers.into_iter().map(SoundConv::new).collect::<Result<_, _>>()?;
        let network = NetworkParams::new(padding, layers)?;
        Ok(Self { network, whitenings, card })
    }
}

fn format_error(reason: &str) -> ModelError {
    ModelError::Format(reason.to_owned())
}

// --- writing
// ---------------------------------------------------------------------------------------------------------

/// Counts and sizes of a network are far below 2^32; one that is not gives a file that does not
/// decode.
fn as_u32(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn put_u32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_le_bytes());
}

fn put_name(out: &mut Vec<u8>, name: &str) {
    let name = &name[..name.floor_char_boundary(255)];
    out.push(name.len() as u8);
    out.extend_from_slice(name.as_bytes());
}

fn put_section(out: &mut Vec<u8>, name: &str, payload: &[u8]) {
    put_name(out, name);
    out.extend_from_slice(&(payload.len() as u64).to_le_bytes());
    out.extend_from_slice(payload);
}

fn encode_network(network: &NetworkParams) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend_from_slice(&network.padding());
    put_u32(&mut out, as_u32(network.layers().len()));
    for layer in network.layers() {
        put_name(&mut out, &layer.name);
        put_u32(&mut out, as_u32(layer.cin));
        put_u32(&mut out, as_u32(layer.cout));
        out.extend(layer.codebook.map(|level| level as u8));
        out.push(layer.shift.min(255) as u8);
        out.push(u8::from(layer.pool));
        out.extend_from_slice(&layer.output_scale.to_le_bytes());
        out.extend(layer.multiplier.iter().flat_map(|multiplier| multiplier.to_le_bytes()));
        out.extend(layer.bias.iter().flat_map(|bias| bias.to_le_bytes()));
        out.extend(layer.codes.chunks(4).map(|four| four.iter().rev().fold(0, |byte, &code| byte << 2 | (code & 3))));
    }
    out
}

fn encode_whitening(whitening: &Whitening) -> Vec<u8> {
    let mut out = Vec::new();
    put_name(&mut out, &whitening.name);
    put_u32(&mut out, as_u32(whitening.inputs()));
    put_u32(&mut out, as_u32(whitening.outputs()));
    out.extend(whitening.mean.iter().flat_map(|mean| mean.to_le_bytes()));
    let rows = || whitening.components.chunks_exact(whitening.inputs().max(1));
    let scales: Vec<f32> = rows().map(row_scale).collect();
    out.extend(scales.iter().flat_map(|scale| scale.to_le_bytes()));
    for (row, scale) in rows().zip(scales) {
        out.extend(row.iter().map(|&value| (value / scale).round().clamp(-127.0, 127.0) as i8 as u8));
    }
    out
}

/// The step of a row: its largest magnitude over 127, rounded up to 16 significant bits. 1 for a
/// row of zeros.
fn row_scale(row: &[f32]) -> f32 {
    let largest = row.iter().fold(0f32, |largest, value| largest.max(value.abs()));
    let exact = largest / 127.0;
    if !(exact.is_normal()) {
        return 1.0;
    }
    f32::from_bits((exact.to_bits().saturating_add(0xff)) & !0xff)
}

// --- reading
// ---------------------------------------------------------------------------------------------------------

/// What is left of a file or section. Every read checks that the bytes are there before anything is
/// allocated.
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], ModelError> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or_else(|| format_error("it ends too early"))?;
        self.rest = rest;
        Ok(taken)
    }

    /// `count` elements of `N` bytes.
    fn elements<const N: usize>(&mut self, count: usize) -> Result<&'a [[u8; N]], ModelError> {
        Ok(self.take(count.saturating_mul(N))?.as_chunks().0)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ModelError> {
        Ok(self.elements::<N>(1)?[0])
    }

    fn u8(&mut self) -> Result<u8, ModelError> {
        Ok(self.array::<1>()?[0])
    }

    fn u32(&mut self) -> Result<u32, ModelError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// A count that later reads compare with the bytes that are left.
    fn count(&mut self) -> Result<usize, ModelError> {
        usize::try_from(self.u32()?).map_err(|_| format_error("a count does not fit this machine"))
    }

    fn u64(&mut self) -> Result<u64, ModelError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    fn text(&mut self, len: usize) -> Result<String, ModelError> {
        let bytes = self.take(len)?;
        std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| format_error("a text is not UTF-8"))
    }

    fn name(&mut self) -> Result<String, ModelError> {
        let len = self.u8()?;
        self.text(len.into())
    }

    fn f32s(&mut self, count: usize) -> Result<Vec<f32>, ModelError> {
        let values: Vec<f32> = self.elements(count)?.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
        if values.iter().all(|value| value.is_finite()) {
            Ok(values)
        } else {
            Err(format_error("a value is not finite"))
        }
    }

    fn end(&self) -> Result<(), ModelError> {
        if self.rest.is_empty() { Ok(()) } else { Err(format_error("there is more than its headers state")) }
    }
}

/// The padding and the layers, not yet checked.
fn decode_network(reader: &mut Reader<'_>) -> Result<([u8; 3], Vec<ConvParams>), ModelError> {
    let padding = reader.array()?;
    let count = reader.u32()?;
    let mut layers = Vec::new();
    for _ in 0..count {
        layers.push(decode_layer(reader)?);
    }
    Ok((padding, layers))
}

fn decode_layer(reader: &mut Reader<'_>) -> Result<ConvParams, ModelError> {
    let name = reader.name()?;
    let (cin, cout) = (reader.count()?, reader.count()?);
    let codebook = reader.array()?.map(|byte: u8| byte as i8);
    let shift = reader.u8()?.into();
    let pool = match reader.u8()? {
        0 => false,
        1 => true,
        other => return Err(ModelError::Format(format!("{other} is neither pooling nor no pooling"))),
    };
    let output_scale = f32::from_le_bytes(reader.array()?);
    let multiplier = reader.elements(cout)?.iter().map(|&bytes| u16::from_le_bytes(bytes)).collect();
    let bias = reader.elements(cout)?.iter().map(|&bytes| i32::from_le_bytes(bytes)).collect();
    let weights = cin.checked_mul(cout).and_then(|n| n.checked_mul(9)).filter(|n| n.is_multiple_of(4));
    let Some(weights) = weights else {
        return Err(ModelError::Format(format!("{cin} by {cout} channels in layer {name:?}")));
    };
    let packed = reader.take(weights / 4)?;
    let codes = packed.iter().flat_map(|byte| [0, 2, 4, 6].map(|bits| byte >> bits & 3)).collect();
    Ok(ConvParams { name, cin, cout, codebook, codes, multiplier, shift, bias, output_scale, pool })
}

fn decode_whitening(reader: &mut Reader<'_>) -> Result<Whitening, ModelError> {
    let stored = reader.rest;
    let name = reader.name()?;
    let (inputs, outputs) = (reader.count()?, reader.count()?);
    if inputs == 0 || outputs == 0 {
        return Err(ModelError::Format(format!("whitening {name:?} is empty")));
    }
    let mean = reader.f32s(inputs)?;
    let scales = reader.f32s(outputs)?;
    let bytes = reader.take(inputs.saturating_mul(outputs))?;
    let components: Vec<f32> = bytes
        .chunks_exact(inputs)
        .zip(scales)
        .flat_map(|(row, scale)| row.iter().map(move |&byte| f32::from(byte as i8) * scale))
        .collect();
    if components.iter().any(|value| !value.is_finite()) {
        return Err(format_error("a value is not finite"));
    }
    let whitening = Whitening { name, mean, components };
    // Other scales and bytes can stand for the same values; a file that used them would not encode
    // to itself.
    if !stored.starts_with(&encode_whitening(&whitening)) {
        return Err(ModelError::Format(format!(
            "the scales of whitening {:?} are not those of its components",
            whitening.name
        )));
    }
    Ok(whitening)
}

#[cfg(test)]
mod tests;
