-- Who keeps an index of this database, and how far the change log was cut off behind all of them.

CREATE TABLE followers (
    id       TEXT COLLATE "C" PRIMARY KEY,
    position BIGINT           NOT NULL, -- changes.seq up to which it needs nothing any more
    seen_at  TIMESTAMPTZ      NOT NULL
);

CREATE TABLE change_log (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    pruned BIGINT  NOT NULL -- changes.seq up to which rows are removed
);

INSERT INTO change_log (id, pruned) VALUES (1, 0);
