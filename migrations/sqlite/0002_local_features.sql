-- Images that were stored before have no row here; they get one when they are stored again.
CREATE TABLE local_features (
    collection_id INTEGER NOT NULL,
    image_id      TEXT    NOT NULL,
    bytes         BLOB    NOT NULL, -- as docs/VERIFICATION.md says, about 19 KB
    PRIMARY KEY (collection_id, image_id),
    FOREIGN KEY (collection_id, image_id) REFERENCES images (collection_id, id) ON DELETE CASCADE
) STRICT;
