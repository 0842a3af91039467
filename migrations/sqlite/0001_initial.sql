-- Times are microseconds since 1970 (UTC). Texts compare byte by byte, which is the order of code points.

CREATE TABLE collections (
    id          INTEGER PRIMARY KEY,
    name        TEXT    NOT NULL UNIQUE,
    profile     TEXT    NOT NULL,
    description TEXT    NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE images (
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
    PRIMARY KEY (collection_id, id)
) STRICT;

CREATE INDEX images_by_content ON images (collection_id, content_hash);
CREATE INDEX images_by_version ON images (collection_id, version, id);

-- Blobs have tables of their own, so that lists of records do not read over them.
CREATE TABLE descriptors (
    collection_id INTEGER NOT NULL,
    image_id      TEXT    NOT NULL,
    components    BLOB    NOT NULL, -- little-endian 32-bit floats
    PRIMARY KEY (collection_id, image_id),
    FOREIGN KEY (collection_id, image_id) REFERENCES images (collection_id, id) ON DELETE CASCADE
) STRICT;

CREATE TABLE thumbnails (
    collection_id INTEGER NOT NULL,
    image_id      TEXT    NOT NULL,
    media_type    TEXT    NOT NULL,
    bytes         BLOB    NOT NULL,
    PRIMARY KEY (collection_id, image_id),
    FOREIGN KEY (collection_id, image_id) REFERENCES images (collection_id, id) ON DELETE CASCADE
) STRICT;

-- The change log outlives what it tells of: no foreign keys.
CREATE TABLE changes (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    collection TEXT    NOT NULL,
    kind       TEXT    NOT NULL CHECK (kind IN ('image_written', 'image_deleted', 'collection_deleted')),
    image_id   TEXT,
    at         INTEGER NOT NULL,
    CHECK ((image_id IS NULL) = (kind = 'collection_deleted'))
) STRICT;

INSERT INTO collections (name, profile, description, created_at)
VALUES ('default', 'rnip', '', CAST(unixepoch('subsec') * 1000000 AS INTEGER));
