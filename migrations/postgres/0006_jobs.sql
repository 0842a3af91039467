-- Work in the background. A process claims a job for a time and notes how far it is; when the time is over, another one goes on
-- from there.
CREATE TABLE jobs (
    id          TEXT COLLATE "C" PRIMARY KEY, -- in the order of time
    kind        TEXT             NOT NULL,
    collection  TEXT COLLATE "C" NOT NULL,
    params      TEXT COLLATE "C" NOT NULL, -- compact JSON, as are checkpoint and result
    state       TEXT             NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    done        BIGINT           NOT NULL, -- steps
    total       BIGINT,
    rate        DOUBLE PRECISION, -- steps a second
    checkpoint  TEXT,
    result      TEXT,
    error       TEXT,
    owner       TEXT COLLATE "C", -- the process that works on it
    lease_until TIMESTAMPTZ,
    created_at  TIMESTAMPTZ      NOT NULL,
    started_at  TIMESTAMPTZ,
    finished_at TIMESTAMPTZ
);

-- What is known of the near-duplicates in a collection, for each way to look for them.
CREATE TABLE duplicate_scans (
    id            BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    collection_id BIGINT           NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
    settings      TEXT COLLATE "C" NOT NULL,
    seq           BIGINT           NOT NULL, -- images that changed up to this change were looked up
    run           BIGINT           NOT NULL, -- how often it was begun
    UNIQUE (collection_id, settings)
);

-- Pairs of images by their keys, a < b. Those of images that are gone are left out when they are read.
CREATE TABLE duplicate_pairs (
    scan_id BIGINT NOT NULL REFERENCES duplicate_scans (id) ON DELETE CASCADE,
    a       BIGINT NOT NULL,
    b       BIGINT NOT NULL,
    score   REAL   NOT NULL,
    verdict TEXT   NOT NULL,
    run     BIGINT NOT NULL, -- that found it
    PRIMARY KEY (scan_id, a, b)
);
CREATE INDEX duplicate_pairs_by_b ON duplicate_pairs (scan_id, b);

-- What a job found: a row a member, the best of each group first.
CREATE TABLE duplicate_groups (
    job_id    TEXT COLLATE "C" NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    place     BIGINT           NOT NULL, -- of the group, from 1
    member    BIGINT           NOT NULL, -- its place in the group, from 0
    size      BIGINT           NOT NULL, -- members of the group
    name      TEXT             NOT NULL, -- of the group: the id of its oldest image
    image_key BIGINT           NOT NULL,
    score     REAL             NOT NULL, -- of the nearest other member
    verdict   TEXT             NOT NULL,
    PRIMARY KEY (job_id, place, member)
);
