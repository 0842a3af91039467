-- Work in the background. A process claims a job for a time and notes how far it is; when the time is over, another one goes on
-- from there.
CREATE TABLE jobs (
    id          TEXT PRIMARY KEY, -- in the order of time
    kind        TEXT    NOT NULL,
    collection  TEXT    NOT NULL,
    params      TEXT    NOT NULL, -- compact JSON, as are checkpoint and result
    state       TEXT    NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    done        INTEGER NOT NULL, -- steps
    total       INTEGER,
    rate        REAL, -- steps a second
    checkpoint  TEXT,
    result      TEXT,
    error       TEXT,
    owner       TEXT, -- the process that works on it
    lease_until INTEGER,
    created_at  INTEGER NOT NULL,
    started_at  INTEGER,
    finished_at INTEGER
) STRICT;

-- What is known of the near-duplicates in a collection, for each way to look for them.
CREATE TABLE duplicate_scans (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    collection_id INTEGER NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
    settings      TEXT    NOT NULL,
    seq           INTEGER NOT NULL, -- images that changed up to this change were looked up
    run           INTEGER NOT NULL, -- how often it was begun
    UNIQUE (collection_id, settings)
) STRICT;

-- Pairs of images by their keys, a < b. Those of images that are gone are left out when they are read.
CREATE TABLE duplicate_pairs (
    scan_id INTEGER NOT NULL REFERENCES duplicate_scans (id) ON DELETE CASCADE,
    a       INTEGER NOT NULL,
    b       INTEGER NOT NULL,
    score   REAL    NOT NULL,
    verdict TEXT    NOT NULL,
    run     INTEGER NOT NULL, -- that found it
    PRIMARY KEY (scan_id, a, b)
) STRICT, WITHOUT ROWID;
CREATE INDEX duplicate_pairs_by_b ON duplicate_pairs (scan_id, b);

-- What a job found: a row a member, the best of each group first.
CREATE TABLE duplicate_groups (
    job_id    TEXT    NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    place     INTEGER NOT NULL, -- of the group, from 1
    member    INTEGER NOT NULL, -- its place in the group, from 0
    size      INTEGER NOT NULL, -- members of the group
    name      TEXT    NOT NULL, -- of the group: the id of its oldest image
    image_key INTEGER NOT NULL,
    score     REAL    NOT NULL, -- of the nearest other member
    verdict   TEXT    NOT NULL,
    PRIMARY KEY (job_id, place, member)
) STRICT, WITHOUT ROWID;
