//! Compares the originals that images name with those that are kept.

use std::collections::HashMap;

use futures::TryStreamExt;
use time::{Duration, OffsetDateTime};

use super::error::{OriginalsError, UpkeepError};
use super::objects::{Keeping, Object};
use super::sweep::sweep;
use crate::domain::{ImageKey, OriginalName};
use crate::store::{KeptOriginal, Store};

/// Images, and objects to be removed, read at once.
const PAGE: u32 = 1_000;

/// An image without what it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingOriginal {
    /// The image.
    pub key: ImageKey,
    /// Its collection and id, as `COLLECTION/ID`.
    pub image: String,
    /// The name of its original.
    pub name: OriginalName,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Diagnosis {
    /// Images whose originals are kept.
    pub kept: u64,
    /// Bytes that were uploaded of these.
    pub bytes: u64,
    /// Images that name an original that is not there, or not as it was uploaded.
    pub missing: Vec<MissingOriginal>,
    /// Images whose originals are objects while none are configured, so that nobody can look.
    pub out_of_reach: u64,
    /// Objects of this database that no image names, and that are older than was said.
    pub orphans: Vec<Object>,
    /// Objects that no image names, and that may belong to an upload under way.
    pub young: u64,
    /// Objects that will be removed, since their images are gone.
    pub discarded: u64,
}

impl Diagnosis {
    /// Whether something is to be repaired.
    #[must_use]
    pub fn is_ill(&self) -> bool {
        !self.missing.is_empty() || !self.orphans.is_empty()
    }
}

/// An object while it is looked for.
struct Listed {
    object: Object,
    is_named: bool,
}

/// Looks at every image and every object. The objects are in memory meanwhile, some 200 bytes each.
/// What nothing names is an orphan only when it is older than `grace`: an upload stores its object
/// first.
///
/// # Errors
/// [`UpkeepError`].
pub async fn diagnose(store: &dyn Store, keeping: &Keeping, grace: Duration) -> Result<Diagnosis, UpkeepError> {
    let mut listed: HashMap<OriginalName, Listed> = HashMap::new();
    let objects = keeping.objects();
    if let Some(objects) = objects {
        let mut list = objects.list(&store.originals_folder().await?);
        while let Some(object) = list.try_next().await? {
            listed.insert(object.name.clone(), Listed { object, is_named: false });
        }
    }
    let mut found = Diagnosis::default();
    let mut after = None;
    loop {
        let page = store.kept_originals(after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.key);
        let mut missing = Vec::new();
        for kept in page {
            found.kept += 1;
            found.bytes += kept.byte_size;
            match stored_bytes(&kept, &mut listed) {
                None if objects.is_none() && !kept.name.is_in_database() => found.out_of_reach += 1,
                Some(size) if size == kept.byte_size => {}
                Some(_) | None if is_whole(keeping, &kept).await? => {}
                Some(_) | None => missing.push((kept.key, kept.name)),
            }
        }
        found.missing.extend(named(store, missing).await?);
    }
    let mut after = None;
    loop {
        let page = store.discarded(after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.clone());
        found.discarded += page.len() as u64;
        for name in page {
            listed.remove(&name);
        }
    }
    let until = OffsetDateTime::now_utc() - grace;
    for Listed { object, .. } in listed.into_values().filter(|one| !one.is_named) {
        if object.written_at <= until {
            found.orphans.push(object);
        } else {
            found.young += 1;
        }
    }
    found.orphans.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// The images of these keys that are still there.
async fn named(store: &dyn Store, missing: Vec<(ImageKey, OriginalName)>) -> Result<Vec<MissingOriginal>, UpkeepError> {
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let keys: Vec<ImageKey> = missing.iter().map(|(key, _)| *key).collect();
    let images: HashMap<ImageKey, String> = (store.records(&keys).await?.into_iter())
        .map(|record| (record.key, format!("{}/{}", record.collection, record.id)))
        .collect();
    let of = |(key, name)| images.get(&key).map(|image| MissingOriginal { key, image: image.clone(), name });
    Ok(missing.into_iter().filter_map(of).collect())
}

/// Whether an object is whole that was not when the objects were listed: it may have been stored
/// since.
async fn is_whole(keeping: &Keeping, kept: &KeptOriginal) -> Result<bool, UpkeepError> {
    let Some(objects) = keeping.objects().filter(|_| !kept.name.is_in_database()) else { return Ok(false) };
    match objects.read(&kept.name, 0..1).await {
        Ok((size, _)) => Ok(size == kept.byte_size),
        Err(OriginalsError::Missing(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// How many bytes of an original are there; `None` where there is none.
fn stored_bytes(kept: &KeptOriginal, listed: &mut HashMap<OriginalName, Listed>) -> Option<u64> {
    if kept.name.is_in_database() {
        return kept.stored;
    }
    let listed = listed.get_mut(&kept.name)?;
    listed.is_named = true;
    Some(listed.object.size)
}

/// Removes the orphans, and what is to be removed anyhow; images that name what is not there name
/// nothing then.
///
/// # Errors
/// [`UpkeepError`].
pub async fn repair(store: &dyn Store, keeping: &Keeping, found: &Diagnosis) -> Result<(), UpkeepError> {
    for missing in &found.missing {
        store.clear_original(missing.key, &missing.name).await?;
    }
    let Some(objects) = keeping.objects() else { return Ok(()) };
    for orphan in &found.orphans {
        objects.remove(&orphan.name).await?;
    }
    while sweep(store, &**objects).await? {}
    Ok(())
}
