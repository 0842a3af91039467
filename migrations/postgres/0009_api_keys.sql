-- API keys. Of a key only its checksum is stored.
CREATE TABLE api_keys (
    id           TEXT COLLATE "C" PRIMARY KEY,     -- in the order of time
    hash         BYTEA            NOT NULL UNIQUE, -- SHA-256 of the key
    label        TEXT             NOT NULL,
    scope        TEXT             NOT NULL CHECK (scope IN ('search', 'read', 'write', 'admin')),
    collections  TEXT,                             -- a JSON list of names; NULL for all
    origins      TEXT             NOT NULL,        -- a JSON list
    created_at   BIGINT           NOT NULL,        -- microseconds, as the others
    expires_at   BIGINT,
    last_used_at BIGINT,
    revoked_at   BIGINT
);
