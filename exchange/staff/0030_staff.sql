CREATE TABLE staff (
  id TEXT NOT NULL PRIMARY KEY,
  login TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  kana TEXT NOT NULL,
  birth_day BIGINT,
  is_disabled BIGINT NOT NULL,
  failures BIGINT NOT NULL,
  locks BIGINT NOT NULL,
  locked_until BIGINT NOT NULL,
  created_at BIGINT NOT NULL
);
-- The newest is the one in force; older ones are kept so that they cannot come back.
CREATE TABLE staff_password (
  staff TEXT NOT NULL REFERENCES staff (id),
  number BIGINT NOT NULL,
  encoded TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (staff, number)
);
CREATE TABLE staff_post (
  id TEXT NOT NULL PRIMARY KEY,
  staff TEXT NOT NULL REFERENCES staff (id),
  facility TEXT NOT NULL REFERENCES facility (id),
  profession TEXT NOT NULL,
  role TEXT NOT NULL,
  from_day BIGINT NOT NULL,
  to_day BIGINT,
  created_at BIGINT NOT NULL
);
CREATE INDEX staff_post_staff ON staff_post (staff);
-- One row: logins that are unknown, disabled or locked cost the same write as wrong
-- passwords, so that nobody can tell them apart by time.
CREATE TABLE staff_stranger (
  one BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
  tries BIGINT NOT NULL
);
INSERT INTO staff_stranger (one, tries) VALUES (1, 0);
