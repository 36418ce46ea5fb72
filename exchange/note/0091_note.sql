--compatible
-- What members write about a person. A version is never changed: a correction is the next
-- one, and so is a withdrawal, which says who took it back.
CREATE TABLE note (
  id TEXT NOT NULL PRIMARY KEY,
  person TEXT NOT NULL REFERENCES person (id),
  facility TEXT NOT NULL REFERENCES facility (id),
  author TEXT NOT NULL,                -- staff.id
  created_at BIGINT NOT NULL,
  version BIGINT NOT NULL              -- the newest
);
CREATE INDEX note_of_person ON note (person, facility, created_at, id);
CREATE TABLE note_version (
  note TEXT NOT NULL REFERENCES note (id),
  version BIGINT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('written', 'withdrawn')),
  body TEXT NOT NULL,
  written_at BIGINT NOT NULL,
  staff TEXT NOT NULL,
  staff_name TEXT NOT NULL,            -- these three as they were
  profession TEXT NOT NULL,
  facility_name TEXT NOT NULL,
  PRIMARY KEY (note, version)
);
-- Which picture of which study, and how it was looked at; never its pixels.
CREATE TABLE note_picture (
  note TEXT NOT NULL,
  version BIGINT NOT NULL,
  place BIGINT NOT NULL,
  entry TEXT NOT NULL,                 -- registry_entry.entry
  series_uid TEXT NOT NULL,
  instance_uid TEXT NOT NULL,
  frame BIGINT NOT NULL,               -- of the instance, from 0
  shades TEXT NOT NULL,                -- 'centre,width'; '' = the file's own
  is_inverted BIGINT NOT NULL,
  quarter BIGINT NOT NULL,             -- turns clockwise, after the flip
  is_flipped BIGINT NOT NULL,
  comment TEXT NOT NULL,
  PRIMARY KEY (note, version, place),
  FOREIGN KEY (note, version) REFERENCES note_version (note, version)
);
