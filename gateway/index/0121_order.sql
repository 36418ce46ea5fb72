-- Orders that name studies of pictures (IPC), as the storage has them, and those among them
-- that changed since whoever links studies looked last.
CREATE TABLE index_order (
  number TEXT NOT NULL,
  entry_key TEXT NOT NULL,            -- of the order's own entry
  study TEXT NOT NULL,                -- IPC-3, '' = not said
  accession TEXT NOT NULL,            -- IPC-1, '' = not said
  base TEXT NOT NULL,
  version TEXT NOT NULL,
  kind BIGINT NOT NULL,
  state BIGINT NOT NULL,
  flags BIGINT NOT NULL,              -- what the order itself says
  day BIGINT NOT NULL,
  department_code TEXT NOT NULL,
  department TEXT NOT NULL,
  author TEXT NOT NULL,
  PRIMARY KEY (number, entry_key, study, accession)
);
CREATE INDEX index_order_base ON index_order (number, base);
CREATE INDEX index_order_study ON index_order (number, study);
CREATE INDEX index_order_accession ON index_order (number, accession);
CREATE TABLE index_order_changed (
  number TEXT NOT NULL,
  study TEXT NOT NULL,
  accession TEXT NOT NULL,
  PRIMARY KEY (number, study, accession)
);
