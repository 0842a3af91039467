//! Where the next page of a list begins: the last id of the page before, in hexadecimal so that
//! nobody takes it for one.

use utoipa::openapi::ObjectBuilder;

use crate::domain::ImageId;
use crate::http::schema::text_schema;

/// Every cursor that [`read`] takes: the hexadecimal form of the pattern of ids.
pub(crate) fn schema() -> ObjectBuilder {
    let undotted = "(3[0-9a]|4[1-9a-f]|5[0-9af]|6[1-9a-f]|7[0-9a]|2d)";
    let any = "(3[0-9a]|4[1-9a-f]|5[0-9af]|6[1-9a-f]|7[0-9a]|2d|2e)";
    text_schema(&format!("^({undotted}{any}{{0,127}}|2e{undotted}{any}{{0,126}}|2e2e{any}{{1,126}})$"))
}

/// The cursor of the page after this image.
pub(crate) fn after(id: &ImageId) -> String {
    id.as_str().bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// The image after which the page begins.
pub(crate) fn read(cursor: &str) -> Option<ImageId> {
    let digit = |byte: u8| char::from(byte).to_digit(16).filter(|_| !byte.is_ascii_uppercase());
    let (pairs, []) = cursor.as_bytes().as_chunks::<2>() else { return None };
    let characters: Option<String> =
        pairs.iter().map(|[high, low]| char::from_u32(digit(*high)? * 16 + digit(*low)?)).collect();
    ImageId::new(characters?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_as_its_id_and_nothing_else_is_one() {
        for id in ["a", "A-Z.a_z:09", "...", ".x"] {
            let id = ImageId::new(id).expect("an id");
            assert_eq!(read(&after(&id)), Some(id));
        }
        for cursor in ["", "6", "6g", "+6", "2E", "2e", "2e2e", "20", "ff", "c3bc", &"61".repeat(129)] {
            assert_eq!(read(cursor), None, "{cursor}");
        }
    }
}
