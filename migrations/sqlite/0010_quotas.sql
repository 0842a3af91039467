-- How much a collection may have, and how much may stand that a key stored; NULL for no limit.

ALTER TABLE collections ADD COLUMN max_images INTEGER;
ALTER TABLE collections ADD COLUMN max_bytes INTEGER;
ALTER TABLE api_keys ADD COLUMN max_images INTEGER;
ALTER TABLE api_keys ADD COLUMN max_bytes INTEGER;

-- The key that stored the bytes of the image; NULL where there was none, or nobody noted it.
ALTER TABLE images ADD COLUMN stored_by TEXT;

-- How much there is, for each collection and key. Triggers count, in the transaction that stores or deletes: so the numbers are right
-- whatever is killed, and whichever program writes, one that does not know of them too.
CREATE TABLE usage (
    collection_id INTEGER NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
    key_id        TEXT    NOT NULL, -- images.stored_by; empty for NULL
    images        INTEGER NOT NULL,
    bytes         INTEGER NOT NULL, -- of the uploads: the sum of images.byte_size
    PRIMARY KEY (collection_id, key_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_by_key ON usage (key_id);

INSERT INTO usage (collection_id, key_id, images, bytes)
SELECT collection_id, '', count(*), sum(byte_size) FROM images GROUP BY collection_id;

CREATE TRIGGER usage_of_new_image AFTER INSERT ON images
BEGIN
    INSERT INTO usage (collection_id, key_id, images, bytes)
    VALUES (NEW.collection_id, coalesce(NEW.stored_by, ''), 1, NEW.byte_size)
    ON CONFLICT (collection_id, key_id) DO UPDATE SET images = images + 1, bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER usage_of_changed_image AFTER UPDATE OF collection_id, byte_size, stored_by ON images
WHEN (NEW.collection_id, NEW.byte_size, coalesce(NEW.stored_by, '')) <> (OLD.collection_id, OLD.byte_size, coalesce(OLD.stored_by, ''))
BEGIN
    UPDATE usage SET images = images - 1, bytes = bytes - OLD.byte_size
    WHERE collection_id = OLD.collection_id AND key_id = coalesce(OLD.stored_by, '');
    INSERT INTO usage (collection_id, key_id, images, bytes)
    VALUES (NEW.collection_id, coalesce(NEW.stored_by, ''), 1, NEW.byte_size)
    ON CONFLICT (collection_id, key_id) DO UPDATE SET images = images + 1, bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER usage_of_deleted_image AFTER DELETE ON images
BEGIN
    UPDATE usage SET images = images - 1, bytes = bytes - OLD.byte_size
    WHERE collection_id = OLD.collection_id AND key_id = coalesce(OLD.stored_by, '');
END;
