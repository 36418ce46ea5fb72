-- The order in which frames are looked at was not kept, nor, before, the class of an object;
-- of large deflated files nothing could be read. They are read once more.
UPDATE study_file SET size = -1
  WHERE state = 0 AND (frames > 1 OR replace(facts, '"sop_class"', '') = facts)
     OR state = 1 AND code IN ('study_incomplete', 'dicom_inflated_too_large');
