-- Every image gets a number that is never given again; what hangs on an image and the change log speak of it.

ALTER TABLE images ADD COLUMN key BIGINT GENERATED ALWAYS AS IDENTITY;

ALTER TABLE descriptors ADD COLUMN image_key BIGINT;
UPDATE descriptors d SET image_key = i.key FROM images i WHERE i.collection_id = d.collection_id AND i.id = d.image_id;
ALTER TABLE thumbnails ADD COLUMN image_key BIGINT;
UPDATE thumbnails t SET image_key = i.key FROM images i WHERE i.collection_id = t.collection_id AND i.id = t.image_id;
ALTER TABLE local_features ADD COLUMN image_key BIGINT;
UPDATE local_features f SET image_key = i.key FROM images i WHERE i.collection_id = f.collection_id AND i.id = f.image_id;

-- 0 where the image is gone.
ALTER TABLE changes ADD COLUMN image_key BIGINT;
UPDATE changes SET image_key = 0 WHERE kind <> 'collection_deleted';
UPDATE changes ch SET image_key = i.key
FROM images i JOIN collections c ON c.id = i.collection_id
WHERE ch.kind = 'image_written' AND c.name = ch.collection AND i.id = ch.image_id;

-- Primary keys, foreign keys and checks go with the columns that they name.
ALTER TABLE descriptors DROP COLUMN collection_id, DROP COLUMN image_id;
ALTER TABLE thumbnails DROP COLUMN collection_id, DROP COLUMN image_id;
ALTER TABLE local_features DROP COLUMN collection_id, DROP COLUMN image_id;
ALTER TABLE changes DROP COLUMN image_id,
    ADD CHECK ((image_key IS NULL) = (kind = 'collection_deleted'));

DROP INDEX images_by_version;
ALTER TABLE images DROP CONSTRAINT images_pkey, ADD PRIMARY KEY (key), ADD UNIQUE (collection_id, id);
CREATE INDEX images_by_version ON images (collection_id, version, key);

ALTER TABLE descriptors ADD PRIMARY KEY (image_key),
    ADD FOREIGN KEY (image_key) REFERENCES images (key) ON DELETE CASCADE;
ALTER TABLE thumbnails ADD PRIMARY KEY (image_key),
    ADD FOREIGN KEY (image_key) REFERENCES images (key) ON DELETE CASCADE;
ALTER TABLE local_features ADD PRIMARY KEY (image_key),
    ADD FOREIGN KEY (image_key) REFERENCES images (key) ON DELETE CASCADE;
