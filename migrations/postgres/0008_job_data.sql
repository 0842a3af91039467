-- What a job takes in or gives out: the file to import, the file that was exported, in parts. Data come before their job, which
-- begins when they are whole.
CREATE TABLE job_data (
    job_id TEXT COLLATE "C" NOT NULL,
    start  BIGINT           NOT NULL, -- where the part begins in the whole, in bytes
    bytes  BYTEA            NOT NULL,
    PRIMARY KEY (job_id, start)
);
-- They hardly shrink.
ALTER TABLE job_data ALTER COLUMN bytes SET STORAGE EXTERNAL;
