//! Images as base64 in JSON, in the ways that programs write it.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;

use crate::http::error::{ApiError, Code};

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The most bytes of a JSON string that holds so many bytes as base64, a line break after every 64
/// characters included.
pub(crate) fn encoded_length(bytes: usize) -> usize {
    // Three bytes are four characters; a line break is written as the four characters \r\n.
    let characters = bytes.div_ceil(3) * 4;
    characters + characters / 16
}

/// Reads base64: with or without padding, in the standard or the URL-safe alphabet, with line
/// breaks, or as a `data:` URL (`canvas.toDataURL`, `FileReader.readAsDataURL`).
pub(crate) fn decode(text: String) -> Result<Bytes, ApiError> {
    let invalid = |reason: String| ApiError::new(Code::InvalidBase64, format!("image: {reason}"));
    let is_url = text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"));
    let start = match text.split_once(',') {
        Some((head, _)) if is_url => {
            if !head.to_ascii_lowercase().ends_with(";base64") {
                return Err(invalid("a data: URL must be of the form data:image/png;base64,...".to_owned()));
            }
            head.len() + 1
        }
        Some(_) | None => 0,
    };
    let mut characters = text.into_bytes();
    characters.drain(..start);
    characters.retain(|byte| !byte.is_ascii_whitespace());
    for byte in &mut characters {
        match *byte {
            b'-' => *byte = b'+',
            b'_' => *byte = b'/',
            _ => {}
        }
    }
    BASE64.decode(characters).map(Bytes::from).map_err(|error| invalid(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usual_way_to_write_base64_is_read() {
        let bytes: Vec<u8> = (0..=255).collect();
        let standard = base64::engine::general_purpose::STANDARD.encode(&bytes);
        let lines = standard.as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line).into_owned());
        let lines = lines.collect::<Vec<_>>().join("\r\n");
        for text in [
            standard.clone(),
            standard.trim_end_matches('=').to_owned(),
            base64::engine::general_purpose::URL_SAFE.encode(&bytes),
            lines,
            format!("{standard}\n"),
            format!("data:image/png;base64,{standard}"),
            format!("DATA:image/svg+xml;charset=utf-8;BASE64,{standard}"),
            format!("data:;base64,{standard}"),
        ] {
            assert_eq!(decode(text.clone()).ok().as_deref(), Some(&bytes[..]), "{text}");
        }
        for text in ["!", "a", "data:image/png,abcd", "data:image/png;base64", "ab,cd"] {
            assert_eq!(decode(text.to_owned()).err().map(|e| e.code()), Some(Code::InvalidBase64), "{text}");
        }
    }
}
