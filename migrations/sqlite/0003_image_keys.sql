-- Every image gets a number that is never given again; what hangs on an image and the change log speak of it.
-- SQLite cannot change a primary key, so each table is made anew. Renamed tables take their references and their place in
-- sqlite_sequence along; what refers to the old images goes first, since dropping a table deletes its rows.

DROP INDEX images_by_content;
DROP INDEX images_by_version;
ALTER TABLE images RENAME TO old_images;
ALTER TABLE descriptors RENAME TO old_descriptors;
ALTER TABLE thumbnails RENAME TO old_thumbnails;
ALTER TABLE local_features RENAME TO old_local_features;
ALTER TABLE changes RENAME TO old_changes;

CREATE TABLE images (
    key           INTEGER PRIMARY KEY AUTOINCREMENT,
    collection_id INTEGER NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
    id            TEXT    NOT NULL,
    content_hash  BLOB    NOT NULL,
    format        TEXT    NOT NULL,
    width         INTEGER NOT NULL,
    height        INTEGER NOT NULL,
    byte_size     INTEGER NOT NULL,
    metadata      TEXT    NOT NULL, -- compact JSON
    version       TEXT    NOT NULL, -- of the descriptor
    revision      INTEGER NOT NULL, -- changes.seq of the last write
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    UNIQUE (collection_id, id)
) STRICT;

CREATE TABLE descriptors (
    image_key  INTEGER PRIMARY KEY REFERENCES images (key) ON DELETE CASCADE,
    components BLOB NOT NULL -- little-endian 32-bit floats
) STRICT;

CREATE TABLE thumbnails (
    image_key  INTEGER PRIMARY KEY REFERENCES images (key) ON DELETE CASCADE,
    media_type TEXT NOT NULL,
    bytes      BLOB NOT NULL
) STRICT;

CREATE TABLE local_features (
    image_key INTEGER PRIMARY KEY REFERENCES images (key) ON DELETE CASCADE,
    bytes     BLOB NOT NULL -- as docs/VERIFICATION.md says, about 19 KB
) STRICT;

CREATE TABLE changes (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    collection TEXT    NOT NULL,
    kind       TEXT    NOT NULL CHECK (kind IN ('image_written', 'image_deleted', 'collection_deleted')),
    image_key  INTEGER, -- 0 where the image was gone before images had keys
    at         INTEGER NOT NULL,
    CHECK ((image_key IS NULL) = (kind = 'collection_deleted'))
) STRICT;

INSERT INTO images (collection_id, id, content_hash, format, width, height, byte_size, metadata, version, revision, created_at, updated_at)
SELECT collection_id, id, content_hash, format, width, height, byte_size, metadata, version, revision, created_at, updated_at
FROM old_images ORDER BY created_at, revision;

CREATE INDEX images_by_content ON images (collection_id, content_hash);
CREATE INDEX images_by_version ON images (collection_id, version, key);

INSERT INTO descriptors (image_key, components)
SELECT i.key, o.components FROM images i JOIN old_descriptors o ON o.collection_id = i.collection_id AND o.image_id = i.id ORDER BY i.key;

INSERT INTO thumbnails (image_key, media_type, bytes)
SELECT i.key, o.media_type, o.bytes FROM images i JOIN old_thumbnails o ON o.collection_id = i.collection_id AND o.image_id = i.id ORDER BY i.key;

INSERT INTO local_features (image_key, bytes)
SELECT i.key, o.bytes FROM images i JOIN old_local_features o ON o.collection_id = i.collection_id AND o.image_id = i.id ORDER BY i.key;

INSERT INTO changes (seq, collection, kind, image_key, at)
SELECT o.seq, o.collection, o.kind,
       CASE o.kind WHEN 'image_written' THEN coalesce(i.key, 0) WHEN 'image_deleted' THEN 0 END,
       o.at
FROM old_changes o
LEFT JOIN collections c ON c.name = o.collection
LEFT JOIN images i ON i.collection_id = c.id AND i.id = o.image_id
ORDER BY o.seq;

-- The numbers of changes go on where they were, even if the newest rows of the log are gone.
DELETE FROM sqlite_sequence WHERE name = 'changes';
INSERT INTO sqlite_sequence (name, seq) SELECT 'changes', seq FROM sqlite_sequence WHERE name = 'old_changes';

DROP TABLE old_descriptors;
DROP TABLE old_thumbnails;
DROP TABLE old_local_features;
DROP TABLE old_changes;
DROP TABLE old_images;
