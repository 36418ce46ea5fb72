-- A gateway's index of its hospital's storage: all patients, all current entries.
CREATE TABLE index_meta (
  one BIGINT PRIMARY KEY,
  epoch TEXT NOT NULL,
  sequence BIGINT NOT NULL,
  policy TEXT NOT NULL,               -- SHA-256 of the policy that is_published follows
  filled BIGINT NOT NULL              -- a first sweep has once been finished
);
CREATE TABLE index_patient (
  number TEXT PRIMARY KEY,            -- as the folders name it
  name TEXT NOT NULL,
  kana TEXT NOT NULL,
  kana_folded TEXT NOT NULL,
  birth_day BIGINT NOT NULL,
  sex TEXT NOT NULL
);
CREATE TABLE index_file (
  path TEXT PRIMARY KEY,              -- relative to its root, root's label first
  number TEXT NOT NULL,
  base TEXT NOT NULL,                 -- day/type/key: versions of one record share it
  version TEXT NOT NULL,
  size BIGINT NOT NULL,
  changed_ns BIGINT NOT NULL,
  state BIGINT NOT NULL,              -- 0 read, 1 refused, 2 held
  code TEXT NOT NULL,                 -- why refused or held
  offset_bytes BIGINT NOT NULL,
  first_seen BIGINT NOT NULL,
  last_tried BIGINT NOT NULL
);
CREATE INDEX index_file_base ON index_file (number, base);
CREATE INDEX index_file_trouble ON index_file (state, path) WHERE state > 0;
CREATE TABLE index_entry (
  number TEXT NOT NULL,
  entry_key TEXT NOT NULL,            -- base, or base/part
  base TEXT NOT NULL,
  version TEXT NOT NULL,
  kind BIGINT NOT NULL,
  state BIGINT NOT NULL,
  flags BIGINT NOT NULL,
  day BIGINT NOT NULL,
  end_day BIGINT NOT NULL,
  is_open BIGINT NOT NULL,
  title TEXT NOT NULL,
  department_code TEXT NOT NULL,
  department TEXT NOT NULL,
  author TEXT NOT NULL,
  time TEXT NOT NULL,
  order_number TEXT NOT NULL,
  path TEXT NOT NULL,                 -- where its content stands
  received_at BIGINT NOT NULL,
  is_published BIGINT NOT NULL,       -- 1: the policy lets the centre know of it
  PRIMARY KEY (number, entry_key)
)
--sqlite WITHOUT ROWID
;
CREATE INDEX index_entry_base ON index_entry (number, base);
CREATE TABLE index_folder (
  path TEXT PRIMARY KEY,              -- a type folder, root's label first
  changed_ns BIGINT NOT NULL
);
CREATE TABLE index_link (
  record TEXT PRIMARY KEY,
  number TEXT NOT NULL,
  state BIGINT NOT NULL,              -- 0 active, 1 held, 2 ended
  linked_at BIGINT NOT NULL,
  revision BIGINT NOT NULL
);
CREATE INDEX index_link_number ON index_link (number, state);
CREATE TABLE index_attempt (at BIGINT NOT NULL, number TEXT NOT NULL, result TEXT NOT NULL);
CREATE INDEX index_attempt_at ON index_attempt (at);
CREATE TABLE index_outbox (
  sequence BIGINT PRIMARY KEY,
  lane BIGINT NOT NULL,               -- 0 live, 1 backfill
  type BIGINT NOT NULL,               -- enum uplink_event_type
  record TEXT NOT NULL,
  number TEXT NOT NULL,
  entry_key TEXT NOT NULL
);
CREATE INDEX index_outbox_lane ON index_outbox (lane, sequence);
CREATE TABLE index_rejected (
  sequence BIGINT PRIMARY KEY,
  record TEXT NOT NULL,
  entry_key TEXT NOT NULL,
  code TEXT NOT NULL,
  at BIGINT NOT NULL
);
