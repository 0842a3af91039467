-- Lists by time, page by page.

CREATE INDEX images_by_creation ON images (collection_id, created_at, id);
CREATE INDEX images_by_change ON images (collection_id, updated_at, id);

-- Requests that named themselves (Idempotency-Key), and their answers.
CREATE TABLE answers (
    collection_id BIGINT           NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
    key           TEXT COLLATE "C" NOT NULL,
    request       BYTEA            NOT NULL, -- SHA-256 of what was asked
    begun_at      BIGINT           NOT NULL, -- microseconds
    answer        TEXT,                      -- JSON; NULL while the request runs
    PRIMARY KEY (collection_id, key)
);
CREATE INDEX answers_by_time ON answers (begun_at);
