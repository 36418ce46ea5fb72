-- The cookie's token is not here, only its hash.
CREATE TABLE session (
  hash TEXT NOT NULL PRIMARY KEY,
  staff TEXT NOT NULL REFERENCES staff (id),
  post TEXT NOT NULL REFERENCES staff_post (id),
  network TEXT NOT NULL REFERENCES network (id),
  assurance TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  opened_at BIGINT NOT NULL,
  seen_at BIGINT NOT NULL,
  closed_at BIGINT NOT NULL
);
CREATE INDEX session_opened ON session (opened_at);
-- Client certificates of terminals: each speaks for one facility.
CREATE TABLE session_certificate (
  fingerprint TEXT NOT NULL PRIMARY KEY,
  facility TEXT NOT NULL REFERENCES facility (id),
  ends_at BIGINT NOT NULL,
  revoked_at BIGINT NOT NULL
);
CREATE TABLE session_once (
  key TEXT NOT NULL,
  staff TEXT NOT NULL,
  route TEXT NOT NULL,
  request TEXT NOT NULL,
  status BIGINT NOT NULL,
  body TEXT NOT NULL,
  kept_at BIGINT NOT NULL,
  PRIMARY KEY (staff, key)
);
CREATE INDEX session_once_kept ON session_once (kept_at);
