-- What tells a changed file from an unchanged one beyond its size and time, what a held
-- file was released as, and by which settings a storage was judged.
ALTER TABLE index_file ADD COLUMN inode BIGINT NOT NULL DEFAULT 0;
ALTER TABLE index_file ADD COLUMN status_ns BIGINT NOT NULL DEFAULT 0;
ALTER TABLE index_file ADD COLUMN hash TEXT NOT NULL DEFAULT '';
CREATE TABLE index_release (
  path TEXT PRIMARY KEY,
  hash TEXT NOT NULL,                 -- of the content that was released, no other
  at BIGINT NOT NULL
);
CREATE TABLE index_root (
  label TEXT PRIMARY KEY,
  judged_by TEXT NOT NULL
);
