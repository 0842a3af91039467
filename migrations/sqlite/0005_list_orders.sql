-- Lists by time, page by page.

CREATE INDEX images_by_creation ON images (collection_id, created_at, id);
CREATE INDEX images_by_change ON images (collection_id, updated_at, id);
