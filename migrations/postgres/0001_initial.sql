-- Texts that are compared have COLLATE "C": byte by byte, which is the order of code points.

CREATE TABLE collections (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        TEXT COLLATE "C" NOT NULL UNIQUE,
    profile     TEXT             NOT NULL,
    description TEXT             NOT NULL,
    created_at  TIMESTAMPTZ      NOT NULL
);

CREATE TABLE images (
    collection_id BIGINT           NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
    id            TEXT COLLATE "C" NOT NULL,
    content_hash  BYTEA            NOT NULL,
    format        TEXT             NOT NULL,
    width         BIGINT           NOT NULL,
    height        BIGINT           NOT NULL,
    byte_size     BIGINT           NOT NULL,
    metadata      JSONB            NOT NULL,
    version       TEXT COLLATE "C" NOT NULL, -- of the descriptor
    revision      BIGINT           NOT NULL, -- changes.seq of the last write
    created_at    TIMESTAMPTZ      NOT NULL,
    updated_at    TIMESTAMPTZ      NOT NULL,
    PRIMARY KEY (collection_id, id)
);

CREATE INDEX images_by_content ON images (collection_id, content_hash);
CREATE INDEX images_by_version ON images (collection_id, version, id);
CREATE INDEX images_by_metadata ON images USING gin (metadata jsonb_path_ops);

-- Blobs have tables of their own, so that lists of records do not read over them.
CREATE TABLE descriptors (
    collection_id BIGINT           NOT NULL,
    image_id      TEXT COLLATE "C" NOT NULL,
    components    BYTEA            NOT NULL, -- little-endian 32-bit floats
    PRIMARY KEY (collection_id, image_id),
    FOREIGN KEY (collection_id, image_id) REFERENCES images (collection_id, id) ON DELETE CASCADE
);

CREATE TABLE thumbnails (
    collection_id BIGINT           NOT NULL,
    image_id      TEXT COLLATE "C" NOT NULL,
    media_type    TEXT             NOT NULL,
    bytes         BYTEA            NOT NULL,
    PRIMARY KEY (collection_id, image_id),
    FOREIGN KEY (collection_id, image_id) REFERENCES images (collection_id, id) ON DELETE CASCADE
);

-- Neither descriptors nor encoded pictures compress: do not try.
ALTER TABLE descriptors ALTER COLUMN components SET STORAGE EXTERNAL;
ALTER TABLE thumbnails ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- The change log outlives what it tells of: no foreign keys.
CREATE TABLE changes (
    seq        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    collection TEXT COLLATE "C" NOT NULL,
    kind       TEXT             NOT NULL CHECK (kind IN ('image_written', 'image_deleted', 'collection_deleted')),
    image_id   TEXT COLLATE "C",
    at         TIMESTAMPTZ      NOT NULL,
    CHECK ((image_id IS NULL) = (kind = 'collection_deleted'))
);

INSERT INTO collections (name, profile, description, created_at)
VALUES ('default', 'rnip', '', now());
