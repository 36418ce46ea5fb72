--compatible
-- What one process told its streams, for the other processes' streams: ids only. Rows are
-- kept for some minutes.
CREATE TABLE live_change (
  number BIGINT NOT NULL PRIMARY KEY,  -- without gaps, in order of writing
  run TEXT NOT NULL,                   -- of the process that wrote it
  at_ms BIGINT NOT NULL,
  kind BIGINT NOT NULL,                -- enum live_kind; 100 = everybody has to read again
  person TEXT NOT NULL,
  facility TEXT NOT NULL,
  audience TEXT NOT NULL,
  entry_row BIGINT NOT NULL,
  day BIGINT NOT NULL,
  is_sensitive BIGINT NOT NULL,
  cursor_at BIGINT NOT NULL
);
CREATE INDEX live_change_at ON live_change (at_ms);
