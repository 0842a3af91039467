-- What a job takes in or gives out: the file to import, the file that was exported, in parts. Data come before their job, which
-- begins when they are whole.
CREATE TABLE job_data (
    job_id TEXT    NOT NULL,
    start  INTEGER NOT NULL, -- where the part begins in the whole, in bytes
    bytes  BLOB    NOT NULL,
    PRIMARY KEY (job_id, start)
) STRICT;
