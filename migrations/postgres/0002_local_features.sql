-- Images that were stored before have no row here; they get one when they are stored again.
CREATE TABLE local_features (
    collection_id BIGINT           NOT NULL,
    image_id      TEXT COLLATE "C" NOT NULL,
    bytes         BYTEA            NOT NULL, -- as docs/VERIFICATION.md says, about 19 KB
    PRIMARY KEY (collection_id, image_id),
    FOREIGN KEY (collection_id, image_id) REFERENCES images (collection_id, id) ON DELETE CASCADE
);

-- They do not compress: do not try.
ALTER TABLE local_features ALTER COLUMN bytes SET STORAGE EXTERNAL;
