-- DICOM files of the hospital's folders and of what modalities sent: what their headers say.
CREATE TABLE study_file (
  folder TEXT NOT NULL,               -- "<label>/" or "<label>/a/b/"
  name TEXT NOT NULL,
  size BIGINT NOT NULL,
  changed_ns BIGINT NOT NULL,
  state BIGINT NOT NULL,              -- 0 read, 1 refused
  code TEXT NOT NULL,                 -- why refused
  study TEXT NOT NULL,                -- UIDs; '' when refused
  series TEXT NOT NULL,
  instance TEXT NOT NULL,
  number TEXT NOT NULL,               -- Patient ID as written
  patient TEXT NOT NULL,              -- birth date and sex, to be compared: "1950-01-31 M"
  day BIGINT NOT NULL,
  time TEXT NOT NULL,
  accession TEXT NOT NULL,
  description TEXT NOT NULL,          -- of the study
  modality TEXT NOT NULL,
  kind TEXT NOT NULL,                 -- image, waveform, report, document, other
  series_number BIGINT NOT NULL,
  instance_number BIGINT NOT NULL,
  frames BIGINT NOT NULL,
  series_description TEXT NOT NULL,
  body_part TEXT NOT NULL,
  laterality TEXT NOT NULL,
  space TEXT NOT NULL,                -- Frame of Reference UID
  facts TEXT NOT NULL,                -- the instance, JSON
  PRIMARY KEY (folder, name)
);
CREATE INDEX study_file_study ON study_file (study, number, series_number, series,
  instance_number, instance);
CREATE INDEX study_file_trouble ON study_file (state, folder, name) WHERE state > 0;
CREATE TABLE study_folder (
  folder TEXT PRIMARY KEY,
  sweep BIGINT NOT NULL               -- in which it was seen last
);
-- What the index has to be told.
CREATE TABLE study_due (
  study TEXT NOT NULL,
  number TEXT NOT NULL,
  code TEXT NOT NULL,                 -- why it waits; '' = it does not
  PRIMARY KEY (study, number)
);
