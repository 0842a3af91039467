-- Who keeps an index of this database, and how far the change log was cut off behind all of them.

CREATE TABLE followers (
    id       TEXT    PRIMARY KEY,
    position INTEGER NOT NULL, -- changes.seq up to which it needs nothing any more
    seen_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE change_log (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    pruned INTEGER NOT NULL -- changes.seq up to which rows are removed
) STRICT;

INSERT INTO change_log (id, pruned) VALUES (1, 0);
