-- What is said of each frame of multi-frame objects was not kept: they are read again, and so
-- are those that were refused for the number of their elements.
UPDATE study_file SET size = -1
  WHERE state = 0 AND frames > 1 OR state = 1 AND code = 'dicom_too_many_elements';
