//! Where the next page of a list begins: the last id of the page before, in hexadecimal so that
//! nobody takes it for one; in a list by time, behind a letter for its order and the time in
//! microseconds.

use time::OffsetDateTime;
use utoipa::openapi::ObjectBuilder;

use crate::domain::{ImageId, ImageRecord, Order, OrderBy, Position};
use crate::http::schema::text_schema;

/// Every cursor that [`read`] takes in one order or another: the hexadecimal form of the pattern of
/// ids.
pub(crate) fn schema() -> ObjectBuilder {
    let undotted = "(3[0-9a]|4[1-9a-f]|5[0-9af]|6[1-9a-f]|7[0-9a]|2d)";
    let any = "(3[0-9a]|4[1-9a-f]|5[0-9af]|6[1-9a-f]|7[0-9a]|2d|2e)";
    let ids = format!("({undotted}{any}{{0,127}}|2e{undotted}{any}{{0,126}}|2e2e{any}{{1,126}})");
    text_schema(&format!("^([cu]00[0-9a-f]{{14}})?{ids}$"))
}

/// The letter of an order by time.
fn letter(by: OrderBy) -> Option<char> {
    match by {
        OrderBy::Id => None,
        OrderBy::Created => Some('c'),
        OrderBy::Updated => Some('u'),
    }
}

/// The cursor of the page behind this image.
pub(crate) fn of(order: Order, record: &ImageRecord) -> String {
    written(order.by, &order.behind(record))
}

fn written(by: OrderBy, Position { time, id }: &Position) -> String {
    let time = letter(by).zip(*time).map(|(letter, time)| {
        let microseconds = u64::try_from(time.unix_timestamp_nanos() / 1000).unwrap_or(0);
        format!("{letter}{microseconds:016x}")
    });
    let id: String = id.as_str().bytes().map(|byte| format!("{byte:02x}")).collect();
    time.unwrap_or_default() + &id
}

/// The place where the page begins, of a cursor that a list in this order gave.
pub(crate) fn read(by: OrderBy, cursor: &str) -> Option<Position> {
    let (time, id) = match letter(by) {
        None => (None, cursor),
        Some(letter) => {
            let (time, id) = cursor.strip_prefix(letter)?.split_at_checked(16)?;
            let is_written =
                time.starts_with("00") && time.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            let microseconds = u64::from_str_radix(time, 16).ok().filter(|_| is_written)?;
            (Some(OffsetDateTime::from_unix_timestamp_nanos(i128::from(microseconds) * 1000).ok()?), id)
        }
    };
    let digit = |byte: u8| char::from(byte).to_digit(16).filter(|_| !byte.is_ascii_uppercase());
    let (pairs, []) = id.as_bytes().as_chunks::<2>() else { return None };
    let characters: Option<String> =
        pairs.iter().map(|[high, low]| char::from_u32(digit(*high)? * 16 + digit(*low)?)).collect();
    Some(Position { time, id: ImageId::new(characters?).ok()? })
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_cursor_reads_back_as_its_place_in_its_own_order_and_nothing_else_is_one() {
        let now = datetime!(2026-11-24 12:00:00.123456 UTC);
        for id in ["a", "A-Z.a_z:09", "...", ".x"] {
            let id = ImageId::new(id).expect("an id");
            for (by, time) in [(OrderBy::Id, None), (OrderBy::Created, Some(now)), (OrderBy::Updated, Some(now))] {
                let position = Position { time, id: id.clone() };
                let cursor = written(by, &position);
                assert_eq!(read(by, &cursor), Some(position));
                for other in [OrderBy::Id, OrderBy::Created, OrderBy::Updated] {
                    assert_eq!(read(other, &cursor).is_some(), other == by, "{cursor}");
                }
            }
        }
        for cursor in ["", "6", "6g", "+6", "2E", "2e", "2e2e", "20", "ff", "c3bc", &"61".repeat(129)] {
            assert_eq!(read(OrderBy::Id, cursor), None, "{cursor}");
        }
        for cursor in ["c", "c61", "c000000000000000061", "cff0000000000000061", "c00000000000000+161", "c00é"] {
            let is_cursor = read(OrderBy::Created, cursor).is_some();
            assert_eq!(is_cursor, cursor == "c000000000000000061", "{cursor}");
        }
    }
}
