-- The key that stored the bytes of the image; NULL where there was none, or nobody noted it. The lock on images comes first: most
-- statements of servers that still run take it before that on collections. It also keeps them away until all is counted below.
ALTER TABLE images ADD COLUMN stored_by TEXT COLLATE "C";

-- How much a collection may have, and how much may stand that a key stored; NULL for no limit.
ALTER TABLE collections ADD COLUMN max_images BIGINT, ADD COLUMN max_bytes BIGINT;
ALTER TABLE api_keys ADD COLUMN max_images BIGINT, ADD COLUMN max_bytes BIGINT;

-- How much there is, for each collection and key. Triggers count, in the transaction that stores or deletes: so the numbers are right
-- whatever is killed, and whichever program writes, one that does not know of them too.
CREATE TABLE usage (
    collection_id BIGINT           NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
    key_id        TEXT COLLATE "C" NOT NULL, -- images.stored_by; empty for NULL
    images        BIGINT           NOT NULL,
    bytes         BIGINT           NOT NULL, -- of the uploads: the sum of images.byte_size
    PRIMARY KEY (collection_id, key_id)
);
CREATE INDEX usage_by_key ON usage (key_id);

INSERT INTO usage (collection_id, key_id, images, bytes)
SELECT collection_id, '', count(*), sum(byte_size) FROM images GROUP BY collection_id;

-- Whoever counts holds the lock of the change log, the last one that every write takes, until its commit. Writes that store have it
-- already; those that delete get it here, before the row of the counts: no two wait for each other in a circle.
CREATE FUNCTION count_usage() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- With a collection its counts go as well, and a long deletion stops nobody else.
    IF TG_OP = 'DELETE' AND NOT EXISTS (SELECT 1 FROM collections WHERE id = OLD.collection_id) THEN
        RETURN NULL;
    END IF;
    PERFORM pg_advisory_xact_lock(7312001267010595951);
    IF TG_OP <> 'INSERT' THEN
        UPDATE usage SET images = images - 1, bytes = bytes - OLD.byte_size
        WHERE collection_id = OLD.collection_id AND key_id = coalesce(OLD.stored_by, '');
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO usage AS there (collection_id, key_id, images, bytes)
        VALUES (NEW.collection_id, coalesce(NEW.stored_by, ''), 1, NEW.byte_size)
        ON CONFLICT (collection_id, key_id)
            DO UPDATE SET images = there.images + 1, bytes = there.bytes + excluded.bytes;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER usage_of_new_or_deleted_image AFTER INSERT OR DELETE ON images
FOR EACH ROW EXECUTE FUNCTION count_usage();

CREATE TRIGGER usage_of_changed_image AFTER UPDATE OF collection_id, byte_size, stored_by ON images
FOR EACH ROW WHEN ((NEW.collection_id, NEW.byte_size, NEW.stored_by) IS DISTINCT FROM (OLD.collection_id, OLD.byte_size, OLD.stored_by))
EXECUTE FUNCTION count_usage();
