--compatible
-- Server processes that share this database. One of a database in a file is not here.
CREATE TABLE process (
  node TEXT NOT NULL PRIMARY KEY,
  place TEXT NOT NULL,                 -- hash of host and data directory
  run TEXT NOT NULL,                   -- random for each start
  beat BIGINT NOT NULL,                -- rises while it lives; nobody compares clocks
  started_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,            -- 0 = not ended in order
  head_number BIGINT NOT NULL,         -- newest record of its audit series
  head_hash TEXT NOT NULL
);
-- Marks of the keys that all of them must have alike; never the keys.
CREATE TABLE process_key (
  name TEXT NOT NULL PRIMARY KEY,
  mark TEXT NOT NULL
);
