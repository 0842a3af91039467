-- The uploads themselves, where they are kept.

ALTER TABLE images ADD COLUMN original TEXT COLLATE "C"; -- its name; NULL where it is not kept
CREATE INDEX images_by_original ON images (collection_id, byte_size) WHERE original IS NOT NULL;

-- Those that are kept in the database: their names begin with db/.
CREATE TABLE original_parts (
    name  TEXT COLLATE "C" NOT NULL,
    part  BIGINT           NOT NULL, -- from 0; all but the last one have 1 MiB
    bytes BYTEA            NOT NULL,
    PRIMARY KEY (name, part)
);
-- Pictures do not compress.
ALTER TABLE original_parts ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- Objects that no image has any more; whoever has time removes them.
CREATE TABLE discarded_originals (
    name TEXT COLLATE "C" PRIMARY KEY
);

-- What the names of this database's objects begin with, so that several may share a place.
CREATE TABLE originals_folder (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    name TEXT NOT NULL
);

INSERT INTO originals_folder (id, name) VALUES (1, replace(gen_random_uuid()::text, '-', ''));

CREATE FUNCTION discard_original() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM original_parts WHERE name = OLD.original;
    INSERT INTO discarded_originals (name) SELECT OLD.original WHERE OLD.original NOT LIKE 'db/%';
    RETURN NULL;
END
$$;

CREATE TRIGGER original_of_deleted_image AFTER DELETE ON images
FOR EACH ROW WHEN (OLD.original IS NOT NULL) EXECUTE FUNCTION discard_original();

CREATE TRIGGER original_of_changed_image AFTER UPDATE OF original ON images
FOR EACH ROW WHEN (OLD.original IS NOT NULL AND NEW.original IS DISTINCT FROM OLD.original) EXECUTE FUNCTION discard_original();
