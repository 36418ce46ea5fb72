-- Links that the gateway's own audit knows from before this database: they were new once
-- already, so the day's cap does not hold them again.
CREATE TABLE index_former (
  record TEXT PRIMARY KEY,
  number TEXT NOT NULL                -- as it was asked for
);
-- Our audit's head at the last start: what it knows since then this database must know.
ALTER TABLE index_meta ADD COLUMN audit_number BIGINT NOT NULL DEFAULT 0;
