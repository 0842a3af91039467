-- The uploads themselves, where they are kept.

ALTER TABLE images ADD COLUMN original TEXT; -- its name; NULL where it is not kept
CREATE INDEX images_by_original ON images (collection_id, byte_size) WHERE original IS NOT NULL;

-- Those that are kept in the database: their names begin with db/.
CREATE TABLE original_parts (
    name  TEXT    NOT NULL,
    part  INTEGER NOT NULL, -- from 0; all but the last one have 1 MiB
    bytes BLOB    NOT NULL,
    PRIMARY KEY (name, part)
) STRICT;

-- Objects that no image has any more; whoever has time removes them.
CREATE TABLE discarded_originals (
    name TEXT PRIMARY KEY
) STRICT;

-- What the names of this database's objects begin with, so that several may share a place.
CREATE TABLE originals_folder (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    name TEXT NOT NULL
) STRICT;

INSERT INTO originals_folder (id, name) VALUES (1, lower(hex(randomblob(16))));

CREATE TRIGGER original_of_deleted_image AFTER DELETE ON images WHEN OLD.original IS NOT NULL
BEGIN
    DELETE FROM original_parts WHERE name = OLD.original;
    INSERT INTO discarded_originals (name) SELECT OLD.original WHERE OLD.original NOT LIKE 'db/%';
END;

CREATE TRIGGER original_of_changed_image AFTER UPDATE OF original ON images
WHEN OLD.original IS NOT NULL AND NEW.original IS NOT OLD.original
BEGIN
    DELETE FROM original_parts WHERE name = OLD.original;
    INSERT INTO discarded_originals (name) SELECT OLD.original WHERE OLD.original NOT LIKE 'db/%';
END;
