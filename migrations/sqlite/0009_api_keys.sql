-- API keys. Of a key only its checksum is stored.
CREATE TABLE api_keys (
    id           TEXT    PRIMARY KEY,     -- in the order of time
    hash         BLOB    NOT NULL UNIQUE, -- SHA-256 of the key
    label        TEXT    NOT NULL,
    scope        TEXT    NOT NULL CHECK (scope IN ('search', 'read', 'write', 'admin')),
    collections  TEXT,                    -- a JSON list of names; NULL for all
    origins      TEXT    NOT NULL,        -- a JSON list
    created_at   INTEGER NOT NULL,        -- microseconds, as the others
    expires_at   INTEGER,
    last_used_at INTEGER,
    revoked_at   INTEGER
) STRICT;
