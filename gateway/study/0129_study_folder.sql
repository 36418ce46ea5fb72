-- While a folder's time is the one at which its names were last read, all that is in it is
-- known: files in study_file, folders here.
ALTER TABLE study_folder ADD COLUMN changed_ns BIGINT NOT NULL DEFAULT 0; -- 0 = to be read
ALTER TABLE study_folder ADD COLUMN parent TEXT NOT NULL DEFAULT '';
ALTER TABLE study_folder ADD COLUMN is_branch BIGINT NOT NULL DEFAULT 0;  -- has folders
CREATE INDEX study_folder_parent ON study_folder (parent, folder);
