//! Statements that read the same in both databases. `images` is always `i`; the first parameter of
//! what asks for one collection is its name.

/// The columns of a record.
macro_rules! record_columns {
    () => {
        "i.key, i.id, i.content_hash, i.format, i.width, i.height, i.byte_size, i.metadata, i.version, i.revision, \
         i.created_at, i.updated_at, i.original, i.stored_by"
    };
}

/// Keeps the images of the collection whose name is `$1`.
macro_rules! in_collection {
    () => {
        "i.collection_id = (SELECT id FROM collections WHERE name = $1)"
    };
}

/// Images with all that belongs to them, up to the condition on their keys.
macro_rules! whole_images {
    () => {
        concat!(
            "SELECT c.name AS collection, ",
            record_columns!(),
            ", d.components, t.media_type, t.bytes AS thumbnail, f.bytes AS features FROM images i \
             JOIN collections c ON c.id = i.collection_id JOIN descriptors d ON d.image_key = i.key \
             JOIN thumbnails t ON t.image_key = i.key LEFT JOIN local_features f ON f.image_key = i.key WHERE "
        )
    };
}

/// Inserts an image or writes over the one of the same id, up to where the values stand.
macro_rules! insert_image {
    () => {
        "INSERT INTO images (collection_id, id, content_hash, format, width, height, byte_size, metadata, version, revision, \
         created_at, updated_at, original, stored_by)"
    };
}

/// The end of [`insert_image`]. The columns of `excluded` are those of the row that was to be
/// inserted.
macro_rules! over_image {
    () => {
        "ON CONFLICT (collection_id, id) DO UPDATE SET content_hash = excluded.content_hash, format = excluded.format, \
             width = excluded.width, height = excluded.height, byte_size = excluded.byte_size, \
             metadata = excluded.metadata, version = excluded.version, revision = excluded.revision, \
             updated_at = excluded.updated_at, \
             original = CASE WHEN excluded.original IS NULL AND excluded.content_hash = images.content_hash \
                 THEN images.original ELSE excluded.original END, \
             stored_by = CASE WHEN excluded.content_hash = images.content_hash AND excluded.byte_size = images.byte_size \
                 THEN images.stored_by ELSE excluded.stored_by END \
         RETURNING key, revision, original, stored_by"
    };
}

/// The columns of a job.
macro_rules! job_columns {
    () => {
        "id, kind, collection, params, state, done, total, rate, checkpoint, result, error, created_at, started_at, finished_at"
    };
}

/// Keeps the job that a claim is for: its id is `$1`, the owner `$2`.
macro_rules! of_claim {
    () => {
        " WHERE id = $1 AND owner = $2 AND state = 'running'"
    };
}

/// Keeps the images of a collection and of the version `$2` that changed after `$3`.
macro_rules! changed_since {
    () => {
        concat!(" FROM images i WHERE ", in_collection!(), " AND i.version = $2 AND i.revision > $3")
    };
}

/// Keeps the images of a collection that have another version than `$2`, or a revision up to `$3`.
macro_rules! outdated {
    () => {
        concat!(" FROM images i WHERE ", in_collection!(), " AND (i.version <> $2 OR i.revision <= $3)")
    };
}

/// The columns of an API key.
macro_rules! key_columns {
    () => {
        "id, hash, label, scope, collections, origins, max_images, max_bytes, created_at, expires_at, last_used_at, revoked_at"
    };
}

pub(super) use {insert_image, job_columns, over_image, record_columns, whole_images};

/// The columns of a collection.
macro_rules! collection_columns {
    () => {
        "name, profile, description, created_at, max_images, max_bytes"
    };
}

/// What is in each collection. `$kept` tells the images whose originals are kept, `$columns` are
/// those of the collection, and `$bytes` are those of all uploads.
macro_rules! summaries {
    ($columns:expr, $bytes:literal, $kept:literal) => {
        concat!(
            "SELECT ",
            $columns,
            ", (SELECT count(*) FROM images WHERE collection_id = c.id) AS images, \
             (SELECT CAST(coalesce(sum(",
            $bytes,
            " WHERE collection_id = c.id) AS bytes, \
             (SELECT count(*) FROM images WHERE collection_id = c.id AND version <> $1 || '/' || c.profile) AS stale, \
             (SELECT count(*) FROM images WHERE collection_id = c.id AND ",
            $kept,
            ") AS originals, (SELECT CAST(coalesce(sum(byte_size), 0) AS BIGINT) FROM images \
             WHERE collection_id = c.id AND ",
            $kept,
            ") AS original_bytes \
             FROM collections c WHERE CAST($2 AS TEXT) IS NULL OR name = $2 ORDER BY name"
        )
    };
}

/// The columns of a collection where a schema knows no quotas.
macro_rules! without_quotas {
    () => {
        "name, profile, description, created_at, CAST(NULL AS BIGINT) AS max_images, CAST(NULL AS BIGINT) AS max_bytes"
    };
}

pub(super) const SUMMARIES: &str =
    summaries!(collection_columns!(), "bytes), 0) AS BIGINT) FROM usage", "original IS NOT NULL");

/// The same of a schema that knows no quotas.
pub(super) const SUMMARIES_WITHOUT_QUOTAS: &str =
    summaries!(without_quotas!(), "byte_size), 0) AS BIGINT) FROM images", "original IS NOT NULL");

/// The same of a schema that knows no originals either.
pub(super) const SUMMARIES_WITHOUT_ORIGINALS: &str =
    summaries!(without_quotas!(), "byte_size), 0) AS BIGINT) FROM images", "1 = 0");

pub(super) const COLLECTION: &str = concat!("SELECT ", collection_columns!(), " FROM collections WHERE name = $1");

pub(super) const CREATE_COLLECTION: &str = concat!(
    "INSERT INTO collections (",
    collection_columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING"
);

pub(super) const CHANGE_COLLECTION: &str = concat!(
    "UPDATE collections SET description = coalesce($2, description), \
         max_images = CASE WHEN $3 THEN $4 ELSE max_images END, max_bytes = CASE WHEN $5 THEN $6 ELSE max_bytes END \
     WHERE name = $1 RETURNING ",
    collection_columns!()
);

pub(super) const RECORD: &str =
    concat!("SELECT ", record_columns!(), " FROM images i WHERE ", in_collection!(), " AND i.id = $2");

/// The first image that was stored with these bytes.
pub(super) const OLDEST_WITH_HASH: &str = concat!(
    "SELECT ",
    record_columns!(),
    " FROM images i WHERE ",
    in_collection!(),
    " AND i.content_hash = $2 ORDER BY i.created_at, i.key LIMIT 1"
);

pub(super) const DESCRIPTOR: &str = concat!(
    "SELECT i.key, i.version, d.components FROM images i JOIN descriptors d ON d.image_key = i.key WHERE ",
    in_collection!(),
    " AND i.id = $2"
);

pub(super) const THUMBNAIL: &str = concat!(
    "SELECT t.media_type, t.bytes FROM images i JOIN thumbnails t ON t.image_key = i.key WHERE ",
    in_collection!(),
    " AND i.id = $2"
);

pub(super) const DESCRIPTORS: &str = concat!(
    "SELECT i.key, d.components FROM images i JOIN descriptors d ON d.image_key = i.key WHERE ",
    in_collection!(),
    " AND i.version = $2 AND i.key > $3 ORDER BY i.key LIMIT $4"
);

/// How many jobs are in each state.
pub(super) const COUNT_JOBS: &str = "SELECT state, count(*) AS count FROM jobs GROUP BY state";

pub(super) const LAST_SEQ: &str = "SELECT coalesce(max(seq), 0) FROM changes";

pub(super) const CHANGES: &str = "SELECT ch.seq, ch.collection, ch.kind, ch.image_key, i.version, d.components \
     FROM (SELECT * FROM changes WHERE seq > $1 ORDER BY seq LIMIT $2) ch \
     LEFT JOIN images i ON i.key = ch.image_key \
     LEFT JOIN descriptors d ON d.image_key = i.key \
     ORDER BY ch.seq";

/// To be read behind [`CHANGES`], so that what was pruned meanwhile is noticed.
pub(super) const PRUNED: &str = "SELECT pruned FROM change_log";

pub(super) const FOLLOWED: &str = "INSERT INTO followers (id, position, seen_at) VALUES ($1, $2, $3) \
     ON CONFLICT (id) DO UPDATE SET position = excluded.position, seen_at = excluded.seen_at";

pub(super) const FORGET_FOLLOWERS: &str = "DELETE FROM followers WHERE seen_at < $1";

/// The last of the `$2` oldest changes that every follower has taken and that are older than `$1`.
/// The newest one stays: it is where the numbers go on.
pub(super) const PRUNABLE: &str = "SELECT max(seq) FROM ( \
         SELECT seq FROM changes \
         WHERE seq <= (SELECT min(position) FROM followers) AND seq < (SELECT max(seq) FROM changes) AND at < $1 \
         ORDER BY seq LIMIT $2 \
     ) taken";

pub(super) const NOTE_PRUNED: &str = "UPDATE change_log SET pruned = $1";

pub(super) const PRUNE: &str = "DELETE FROM changes WHERE seq <= $1";

pub(super) const FORGET_OLD_ANSWERS: &str =
    "DELETE FROM answers WHERE begun_at < $1 OR (answer IS NULL AND begun_at < $2)";

pub(super) const BEGIN_ANSWER: &str = "INSERT INTO answers (collection_id, key, request, begun_at, answer) \
     SELECT id, $2, $3, $4, NULL FROM collections WHERE name = $1 ON CONFLICT DO NOTHING";

pub(super) const BEGUN_ANSWER: &str = "SELECT request, answer FROM answers \
     WHERE collection_id = (SELECT id FROM collections WHERE name = $1) AND key = $2";

pub(super) const KEEP_ANSWER: &str = "UPDATE answers SET answer = $3 \
     WHERE collection_id = (SELECT id FROM collections WHERE name = $1) AND key = $2 AND begun_at = $4";

pub(super) const FORGET_ANSWER: &str = "DELETE FROM answers \
     WHERE collection_id = (SELECT id FROM collections WHERE name = $1) AND key = $2 AND begun_at = $3 AND answer IS NULL";

/// The same work that waits or is done.
pub(super) const ACTIVE_JOB: &str = concat!(
    "SELECT ",
    job_columns!(),
    " FROM jobs WHERE kind = $1 AND collection = $2 AND params = $3 AND state IN ('queued', 'running') ORDER BY id LIMIT 1"
);

pub(super) const ACTIVE_JOBS: &str = "SELECT count(*) FROM jobs WHERE state IN ('queued', 'running')";

pub(super) const CREATE_JOB: &str = concat!(
    "INSERT INTO jobs (id, kind, collection, params, state, done, created_at) VALUES ($1, $2, $3, $4, $5, 0, $6) RETURNING ",
    job_columns!()
);

pub(super) const JOB: &str = concat!("SELECT ", job_columns!(), " FROM jobs WHERE id = $1");

pub(super) const JOBS: &str = concat!(
    "SELECT ",
    job_columns!(),
    " FROM jobs WHERE CAST($1 AS TEXT) IS NULL OR id < $1 ORDER BY id DESC LIMIT $2"
);

pub(super) const NOTE_PROGRESS: &str = concat!(
    "UPDATE jobs SET done = $3, total = $4, rate = $5, checkpoint = coalesce($6, checkpoint), lease_until = $7",
    of_claim!()
);

pub(super) const RENEW_CLAIM: &str = concat!("UPDATE jobs SET lease_until = $3", of_claim!());

pub(super) const RELEASE_JOB: &str =
    concat!("UPDATE jobs SET state = 'queued', owner = NULL, lease_until = NULL", of_claim!());

pub(super) const END_JOB: &str = concat!(
    "UPDATE jobs SET state = $3, result = $4, error = $5, finished_at = $6, owner = NULL, lease_until = NULL, \
         checkpoint = NULL",
    of_claim!()
);

pub(super) const CANCEL_JOB: &str = concat!(
    "UPDATE jobs SET state = 'cancelled', finished_at = $2, owner = NULL, lease_until = NULL, checkpoint = NULL \
     WHERE id = $1 AND state IN ('queued', 'running') RETURNING ",
    job_columns!()
);

pub(super) const REMOVE_JOB: &str = "DELETE FROM jobs WHERE id = $1 AND state NOT IN ('queued', 'running')";

pub(super) const ADD_DATA: &str = "INSERT INTO job_data (job_id, start, bytes) VALUES ($1, $2, $3)";

pub(super) const DATA: &str =
    "SELECT start, bytes FROM job_data WHERE job_id = $1 AND start <= $2 ORDER BY start DESC LIMIT 1";

pub(super) const DATA_SIZE: &str = "SELECT coalesce(max(start + length(bytes)), 0) FROM job_data WHERE job_id = $1";

pub(super) const FORGET_DATA: &str = "DELETE FROM job_data WHERE job_id = $1 \
     AND start IN (SELECT start FROM job_data WHERE job_id = $1 ORDER BY start LIMIT 32)";

/// Jobs of these kinds give data out, all others take them in.
pub(super) const STALE_DATA: &str = "SELECT DISTINCT d.job_id FROM job_data d LEFT JOIN jobs j ON j.id = d.job_id \
     WHERE (j.id IS NULL AND d.job_id < $1) OR j.state IN ('failed', 'cancelled') \
     OR (j.state = 'done' AND j.kind <> 'export')";

pub(super) const FORGET_ENDED_JOBS: &str =
    "DELETE FROM jobs WHERE state NOT IN ('queued', 'running') AND finished_at < $1";

pub(super) const BEGIN_SCAN: &str = "INSERT INTO duplicate_scans (collection_id, settings, seq, run) \
     SELECT id, $2, 0, 1 FROM collections WHERE name = $1 \
     ON CONFLICT (collection_id, settings) DO UPDATE SET run = duplicate_scans.run + 1 \
     RETURNING id, seq, run";

/// All but a scan and the newest `$2` of the same collection.
pub(super) const FORGET_SCANS: &str = "DELETE FROM duplicate_scans WHERE id <> $1 \
     AND collection_id = (SELECT collection_id FROM duplicate_scans WHERE id = $1) \
     AND id NOT IN (SELECT id FROM duplicate_scans \
         WHERE collection_id = (SELECT collection_id FROM duplicate_scans WHERE id = $1) ORDER BY id DESC LIMIT $2)";

pub(super) const FORGET_DEAD_PAIRS: &str = "DELETE FROM duplicate_pairs WHERE scan_id = $1 \
     AND (NOT EXISTS (SELECT 1 FROM images i WHERE i.key = a) OR NOT EXISTS (SELECT 1 FROM images i WHERE i.key = b))";

pub(super) const COUNT_CHANGED: &str = concat!("SELECT count(*)", changed_since!());

pub(super) const CHANGED_IMAGES: &str =
    concat!("SELECT i.key", changed_since!(), " AND i.key > $4 ORDER BY i.key LIMIT $5");

pub(super) const PAIRS: &str = "SELECT a, b, score, verdict FROM duplicate_pairs WHERE scan_id = $1 AND (a, b) > ($2, $3) \
     AND EXISTS (SELECT 1 FROM images i WHERE i.key = a) AND EXISTS (SELECT 1 FROM images i WHERE i.key = b) \
     ORDER BY a, b LIMIT $4";

pub(super) const END_SCAN: &str = "UPDATE duplicate_scans SET seq = $2 WHERE id = $1 AND seq < $2";

pub(super) const FORGET_MEMBERS: &str = "DELETE FROM duplicate_groups WHERE job_id = $1";

pub(super) const MEMBERS: &str = "SELECT place, member, size, name, image_key, score, verdict FROM duplicate_groups \
     WHERE job_id = $1 AND (place, member) > ($2, $3) ORDER BY place, member LIMIT $4";

pub(super) const FORGET_FEATURES: &str = "DELETE FROM local_features WHERE image_key = $1";

pub(super) const ORIGINALS_FOLDER: &str = "SELECT name FROM originals_folder";

pub(super) const KEEP_PART: &str = "INSERT INTO original_parts (name, part, bytes) VALUES ($1, $2, $3)";

pub(super) const ORIGINAL_PART: &str = "SELECT bytes FROM original_parts WHERE name = $1 AND part = $2";

pub(super) const DISCARDED: &str = "SELECT name FROM discarded_originals WHERE name > $1 ORDER BY name LIMIT $2";

pub(super) const FORGET_DISCARDED: &str = "DELETE FROM discarded_originals WHERE name = $1";

pub(super) const KEPT_ORIGINALS: &str = "SELECT i.key, i.original AS name, i.byte_size, \
         (SELECT CAST(sum(length(p.bytes)) AS BIGINT) FROM original_parts p WHERE p.name = i.original) AS stored \
     FROM images i WHERE i.original IS NOT NULL AND i.key > $1 ORDER BY i.key LIMIT $2";

pub(super) const CLEAR_ORIGINAL: &str = "UPDATE images SET original = NULL WHERE key = $1 AND original = $2";

pub(super) const OUTDATED: &str =
    concat!("SELECT ", record_columns!(), outdated!(), " AND i.key > $4 ORDER BY i.key LIMIT $5");

pub(super) const COUNT_OUTDATED: &str = concat!("SELECT count(*)", outdated!());

pub(super) const COUNT_KEYS: &str = "SELECT count(*) FROM api_keys";

pub(super) const ADD_KEY: &str = "INSERT INTO api_keys \
     (id, hash, label, scope, collections, origins, created_at, expires_at, max_images, max_bytes) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

/// The oldest key that is not taken any more.
pub(super) const FORGET_DEAD_KEY: &str = "DELETE FROM api_keys WHERE id = (SELECT id FROM api_keys \
     WHERE revoked_at IS NOT NULL OR expires_at <= $1 ORDER BY id LIMIT 1)";

pub(super) const ALL_KEYS: &str = concat!("SELECT ", key_columns!(), " FROM api_keys ORDER BY id");

pub(super) const REVOKE_KEY: &str =
    concat!("UPDATE api_keys SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1 RETURNING ", key_columns!());

pub(super) const NOTE_KEY_USE: &str =
    "UPDATE api_keys SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)";

/// The collection of the name `$1` and the key `$2`, with their quotas.
macro_rules! target {
    () => {
        "SELECT c.id, c.max_images, c.max_bytes, k.label, k.max_images AS key_max_images, k.max_bytes AS key_max_bytes \
         FROM collections c LEFT JOIN api_keys k ON k.id = $2 WHERE c.name = $1"
    };
}

/// Some counts together.
macro_rules! used {
    () => {
        "CAST(coalesce(sum(images), 0) AS BIGINT) AS images, CAST(coalesce(sum(bytes), 0) AS BIGINT) AS bytes FROM usage"
    };
}

pub(super) use target;

pub(super) const TARGET: &str = target!();

pub(super) const USED_BY_COLLECTION: &str = concat!("SELECT ", used!(), " WHERE collection_id = $1");

pub(super) const USED_BY_KEY: &str = concat!("SELECT ", used!(), " WHERE key_id = $1");

pub(super) const USED_BY_KEYS: &str = concat!("SELECT key_id, ", used!(), " WHERE key_id <> '' GROUP BY key_id");

/// Counts beside what is there.
pub(super) const MISCOUNTS: &str = "SELECT c.name AS collection, t.key_id, \
         CAST(sum(counted_images) AS BIGINT) AS counted_images, CAST(sum(counted_bytes) AS BIGINT) AS counted_bytes, \
         CAST(sum(images) AS BIGINT) AS images, CAST(sum(bytes) AS BIGINT) AS bytes \
     FROM (SELECT collection_id, key_id, images AS counted_images, bytes AS counted_bytes, 0 AS images, 0 AS bytes FROM usage \
         UNION ALL SELECT collection_id, coalesce(stored_by, ''), 0, 0, 1, byte_size FROM images) t \
     JOIN collections c ON c.id = t.collection_id GROUP BY c.name, t.key_id \
     HAVING sum(counted_images) <> sum(images) OR sum(counted_bytes) <> sum(bytes) ORDER BY c.name, t.key_id";

pub(super) const FORGET_USAGE: &str = "DELETE FROM usage";

pub(super) const RECOUNT: &str = "INSERT INTO usage (collection_id, key_id, images, bytes) \
     SELECT collection_id, coalesce(stored_by, ''), count(*), sum(byte_size) FROM images \
     GROUP BY collection_id, coalesce(stored_by, '')";

/// Takes back an original in the database.
pub(super) const FORGET_PARTS: &str = "DELETE FROM original_parts WHERE name = $1";
