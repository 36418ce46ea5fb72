-- The registry: one small row per entry of a linked patient, clustered by record and day.
CREATE TABLE registry_record (
  number BIGINT PRIMARY KEY,           -- short key for the rows below
  record TEXT NOT NULL UNIQUE,         -- patient_record.id
  facility TEXT NOT NULL,
  epoch TEXT NOT NULL,                 -- of the gateway's database, '' before the first snapshot
  revision BIGINT NOT NULL,            -- of the record at the gateway
  in_step_at BIGINT NOT NULL,          -- last equal digest, 0 = never
  behind_at BIGINT NOT NULL            -- first sign that something is missing, 0 = none
);
CREATE TABLE registry_entry (
  record BIGINT NOT NULL,              -- registry_record.number
  day BIGINT NOT NULL,                 -- day number; -2147483648 = undated
  kind BIGINT NOT NULL,
  entry TEXT NOT NULL,                 -- keyed hash: survives a re-index
  source_key TEXT NOT NULL,            -- the gateway's key within the record
  version TEXT NOT NULL,               -- 17-digit time of origin and flag, from the source
  state BIGINT NOT NULL,               -- enum entry_state; 100 = withdrawn (tombstone)
  flags BIGINT NOT NULL,
  end_day BIGINT NOT NULL,
  is_open BIGINT NOT NULL,
  title TEXT NOT NULL,
  department_code TEXT NOT NULL,
  department TEXT NOT NULL,
  author TEXT NOT NULL,
  time TEXT NOT NULL,
  order_number TEXT NOT NULL,
  visible_at BIGINT NOT NULL,          -- max(received, released)
  change BIGINT NOT NULL,              -- rises with every change of the registry
  PRIMARY KEY (record, day, kind, entry)
)
--sqlite WITHOUT ROWID
;
CREATE UNIQUE INDEX registry_entry_id ON registry_entry (entry);
CREATE INDEX registry_entry_stays ON registry_entry (record, day) WHERE kind = 0;
CREATE INDEX registry_entry_change ON registry_entry (record, visible_at);
CREATE TABLE registry_change (one BIGINT PRIMARY KEY, last BIGINT NOT NULL);
INSERT INTO registry_change (one, last) VALUES (1, 0);
-- What each post last looked at: "new since I last looked".
CREATE TABLE registry_look (
  post TEXT NOT NULL,
  person TEXT NOT NULL,
  looked_at BIGINT NOT NULL,
  before_at BIGINT NOT NULL,           -- the look before; an hour's looks count as one
  PRIMARY KEY (post, person)
);
CREATE INDEX registry_look_recent ON registry_look (post, looked_at);
