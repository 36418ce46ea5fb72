-- Besides type folders, patients' and days' own: while the time of such a folder is the one
-- at which its names were last read, what is below it is what the index knows.
ALTER TABLE index_folder ADD COLUMN is_branch BIGINT NOT NULL DEFAULT 0;
