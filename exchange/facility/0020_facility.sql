CREATE TABLE facility (
  id TEXT NOT NULL PRIMARY KEY,
  code TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  kana TEXT NOT NULL,
  kind TEXT NOT NULL,
  way TEXT NOT NULL,
  letter TEXT NOT NULL,
  slot BIGINT NOT NULL,
  fingerprint TEXT NOT NULL,
  policy TEXT NOT NULL,
  policy_version BIGINT NOT NULL,
  last_seen_at BIGINT NOT NULL,
  created_at BIGINT NOT NULL
);
-- A certificate speaks for one facility only.
CREATE UNIQUE INDEX facility_fingerprint ON facility (fingerprint) WHERE fingerprint <> '';
