//! Archives as they come, and hostile ones.

use std::io::Write;

use archives::{gzip, zip};

use super::*;

#[path = "../../../../tests/integration/support/archives.rs"]
mod archives;

const MOST: u64 = 100_000;

/// What begins like a PNG.
fn picture(length: usize) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    bytes.resize(length, 7);
    bytes
}

fn header(kind: EntryType, size: usize) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size as u64);
    header.set_mode(0o644);
    header
}

fn tar(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in entries {
        let mut header = header(EntryType::Regular, bytes.len());
        // The library would refuse names that lead elsewhere.
        let field = &mut header.as_old_mut().name;
        if name.len() < field.len() {
            field[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            archive.append(&header, &bytes[..]).expect("memory");
        } else {
            archive.append_data(&mut header, name, &bytes[..]).expect("memory");
        }
    }
    archive.into_inner().expect("memory")
}

/// Every entry in short, and why it ended early.
fn read(bytes: &[u8]) -> (Vec<String>, Option<String>) {
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(bytes).expect("written");
    let archive = match Archive::open(file, MOST) {
        Ok(archive) => archive,
        Err(error) => return (Vec::new(), Some(error.to_string())),
    };
    let mut seen = Vec::new();
    let end = archive.read(&mut |entry| {
        let what = match entry.content {
            EntryContent::Picture(bytes) => format!("{} bytes", bytes.len()),
            EntryContent::Skipped(reason) => reason.as_str().to_owned(),
            EntryContent::Records(lines) => format!("{} bytes of lines", lines.len()),
            EntryContent::Failed(error) => error.to_string(),
        };
        seen.push(format!("{} {}: {what}", entry.number, entry.path));
        true
    });
    if end.is_ok() && !seen.iter().any(|entry| entry.ends_with("lines")) {
        assert_eq!(archive.count().expect("readable"), seen.len() as u64);
    }
    (seen, end.err().map(|error| error.to_string()))
}

#[test]
fn pictures_come_out_and_the_rest_is_named() {
    let long = format!("{}/b.png", "folder".repeat(30));
    let inner = zip(&[("x.png", picture(10))]);
    let entries = [
        ("a.png", picture(5_000)),
        (long.as_str(), picture(20)),
        ("notes.txt", b"hello".to_vec()),
        ("empty", Vec::new()),
        ("../../etc/passwd.png", picture(30)),
        ("inner.zip", inner),
        ("large.png", picture(MOST as usize + 1)),
    ];
    let expected = [
        "1 a.png: 5000 bytes".to_owned(),
        format!("2 {long}: 20 bytes"),
        "3 notes.txt: not_an_image".to_owned(),
        "4 empty: not_an_image".to_owned(),
        "5 ../../etc/passwd.png: 30 bytes".to_owned(),
        "6 inner.zip: archive".to_owned(),
        format!("7 large.png: it has more than {MOST} bytes"),
    ];
    for archive in [tar(&entries), gzip(&tar(&entries))] {
        assert_eq!(read(&archive), (expected.to_vec(), None));
    }
    // What writes the zip takes the dots out.
    let mut of_zip = expected.to_vec();
    of_zip[4] = "5 etc/passwd.png: 30 bytes".to_owned();
    assert_eq!(read(&zip(&entries)), (of_zip, None));
}

#[test]
fn links_devices_and_folders_are_no_pictures() {
    let mut archive = tar::Builder::new(Vec::new());
    for (kind, name) in [
        (EntryType::Directory, "folder/"),
        (EntryType::Symlink, "link.png"),
        (EntryType::Link, "hard.png"),
        (EntryType::Char, "device"),
        (EntryType::Fifo, "pipe"),
    ] {
        let mut header = header(kind, 0);
        header.set_link_name("/etc/passwd").expect("short");
        archive.append_data(&mut header, name, io::empty()).expect("memory");
    }
    let (seen, end) = read(&archive.into_inner().expect("memory"));
    assert_eq!(seen, ["1 link.png: link", "2 hard.png: link", "3 device: special", "4 pipe: special"]);
    assert_eq!(end, None);
}

#[test]
fn an_archive_that_is_cut_gives_what_is_whole() {
    let all = tar(&[("a.png", picture(2_000)), ("b.png", picture(3_000))]);
    // In the second picture, in its header, before it, and before the end.
    for (at, whole) in [(4_000, 1), (2_700, 1), (2_560, 1), (all.len() - 1_024, 2), (600, 0), (100, 0)] {
        let (seen, end) = read(&all[..at]);
        assert_eq!(seen.len(), whole, "{at}: {seen:?}");
        assert!(end.is_some(), "{at}");
    }
    let packed =
        gzip(&tar(&[("a.png", picture(2_000)), ("n.txt", (0..40_000u32).flat_map(u32::to_le_bytes).collect())]));
    let (seen, end) = read(&packed[..packed.len() - 20]);
    assert_eq!((seen.first().map(String::as_str), end.is_some()), (Some("1 a.png: 2000 bytes"), true), "{seen:?}");
    let zip = zip(&[("a.png", picture(2_000))]);
    let (seen, end) = read(&zip[..zip.len() - 10]);
    assert!(seen.is_empty() && end.is_some(), "the list of a zip is at its end");
}

#[test]
fn a_bomb_ends_when_too_much_came_out() {
    let zeros = vec![0; 60 << 20];
    let (seen, end) = read(&gzip(&tar(&[("a.png", picture(10)), ("zeros", zeros)])));
    assert_eq!(seen.first().map(String::as_str), Some("1 a.png: 10 bytes"));
    assert!(end.is_some_and(|reason| reason.contains("inflates to more than")), "{seen:?}");
    // No entry is large, but all of them are.
    let mut entries = Vec::new();
    for number in 0..200 {
        entries.push((format!("{number}.png"), picture(MOST as usize)));
    }
    let entries: Vec<(&str, Vec<u8>)> = entries.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    let (_, end) = read(&zip(&entries));
    assert!(end.is_some_and(|reason| reason.contains("inflates to more than")));
}

#[test]
fn a_path_of_any_length_is_refused() {
    let mut archive = tar::Builder::new(Vec::new());
    let name = vec![b'a'; 1 << 20];
    let mut long = header(EntryType::GNULongName, name.len());
    long.set_cksum();
    archive.append(&long, &name[..]).expect("memory");
    let (seen, end) = read(&archive.into_inner().expect("memory"));
    assert!(seen.is_empty() && end.is_some_and(|reason| reason.contains("the path of an entry has more than")));
}

#[test]
fn entries_of_a_zip_that_lie_or_are_encrypted_fail_alone() {
    let sound = zip(&[("a.png", picture(1_000)), ("b.png", picture(2_000))]);
    let at = |signature: &[u8]| sound.windows(4).position(|four| four == signature).expect("there");
    let central = at(b"PK\x01\x02");
    let with = |place: usize, value: u8| {
        let mut changed = sound.clone();
        changed[central + place] = value;
        read(&changed)
    };
    // The flag, the method, the checksum and the size of the first entry.
    for (place, value, reason) in
        [(8, 9, "it is encrypted"), (10, 12, "another method"), (16, 0xff, ""), (24, 1, ""), (42, 0x7f, "")]
    {
        let (seen, end) = with(place, value);
        assert_eq!((seen.len(), end), (2, None), "{place}: {seen:?}");
        assert!(seen[0].contains(reason) && !seen[0].ends_with(" bytes"), "{place}: {seen:?}");
        assert_eq!(seen[1], "2 b.png: 2000 bytes");
    }
}

#[test]
fn of_an_export_the_lines_come_alone() {
    let export = [
        ("records/00000000.ndjson", b"{}\n".to_vec()),
        ("records/00000001.ndjson", b"{}\n{}\n".to_vec()),
        ("thumbnails/a.jpeg", picture(100)),
        ("records/00000002.ndjson", b"{}".to_vec()),
    ];
    let (seen, end) = read(&tar(&export));
    assert_eq!(end, None);
    assert_eq!(
        seen,
        [
            "1 records/00000000.ndjson: 3 bytes of lines",
            "2 records/00000001.ndjson: 6 bytes of lines",
            "3 records/00000002.ndjson: 2 bytes of lines"
        ]
    );
    // Behind a picture they are files as others are.
    let (seen, _) = read(&tar(&[("a.png", picture(10)), ("records/00000000.ndjson", b"{}".to_vec())]));
    assert_eq!(seen, ["1 a.png: 10 bytes", "2 records/00000000.ndjson: not_an_image"]);
}

#[test]
fn what_is_no_archive_is_told() {
    for bytes in [&b""[..], b"hello", &picture(100), b"PK\x03\x04", b"\x1f\x8b\x08\x00nothing"] {
        let (seen, end) = read(bytes);
        assert!(seen.is_empty() && end.is_some(), "{bytes:?}");
    }
    assert_eq!(read(&tar(&[])), (Vec::new(), None));
    assert_eq!(read(&zip(&[])), (Vec::new(), None));
}
