-- Instances that a rejection note (Key Object Selection, IHE RAD IOCM) takes out of their
-- study; each row stands while the note's own file does.
CREATE TABLE study_rejection (
  folder TEXT NOT NULL,               -- of the note's file
  name TEXT NOT NULL,
  note TEXT NOT NULL,                 -- its SOP Instance UID
  number TEXT NOT NULL,               -- Patient ID of the note: nobody else's are named
  instance TEXT NOT NULL,
  reason TEXT NOT NULL,               -- rejected_quality, rejected_safety, …
  changed_ns BIGINT NOT NULL,
  PRIMARY KEY (folder, name, instance)
);
CREATE INDEX study_rejection_instance ON study_rejection (instance, number);
CREATE INDEX study_file_accession ON study_file (accession, number);
CREATE INDEX study_file_instance ON study_file (instance, number);
-- By the number without its zeros, for numbers that were joined into others.
CREATE INDEX study_file_number ON study_file (ltrim(number, '0'));
