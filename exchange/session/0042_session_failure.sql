--compatible
-- Failed logins of the last minutes per address and per certificate, for the limit of all
-- processes; forgotten when they are over, and never more rows than the limit in code.
CREATE TABLE session_failure (
  kind TEXT NOT NULL,
  source TEXT NOT NULL,
  begun_at BIGINT NOT NULL,
  failures BIGINT NOT NULL,
  PRIMARY KEY (kind, source)
);
