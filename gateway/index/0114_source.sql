-- What says where to look, besides the storages: up to where it was followed, and how it is.
CREATE TABLE index_source (
  name TEXT PRIMARY KEY,
  has_mark BIGINT NOT NULL,           -- 0: nothing to go on from yet
  mark BIGINT NOT NULL,               -- in the source's own time
  state TEXT NOT NULL,                -- 'ok', or why not
  detail TEXT NOT NULL,
  since BIGINT NOT NULL,              -- it is so
  looked BIGINT NOT NULL,             -- last time that it answered
  told BIGINT NOT NULL,               -- what its last answer said: of this many records …
  refused BIGINT NOT NULL,            -- … whose names cannot be used
  missing BIGINT NOT NULL,            -- … whose files are not there
  elsewhere BIGINT NOT NULL           -- … of other facilities
);
