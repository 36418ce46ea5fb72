-- What the DICOMDIRs of copied discs name, so that a file that is not there is known.
CREATE TABLE study_named (
  folder TEXT NOT NULL,               -- of the DICOMDIR
  name TEXT NOT NULL,
  place BIGINT NOT NULL,              -- of the record among the others, from 0
  file_folder TEXT NOT NULL,          -- where the named file should be: "<label>/a/"
  file_name TEXT NOT NULL,            -- '' = no name that could be looked for
  instance TEXT NOT NULL,             -- SOP Instance UID, '' = not said
  PRIMARY KEY (folder, name, place)
);
-- Those of before are read once more.
DELETE FROM study_file WHERE state = 1 AND code = 'study_directory';
