-- One row while this database is a copy that was brought back and not yet confirmed.
CREATE TABLE network_hold (
  one BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
  copied_at BIGINT NOT NULL,
  restored_at BIGINT NOT NULL
);
