-- A hospital's own merges and renumbering: the number that its owner says goes on, and the
-- record whose place another number of the same person took when somebody confirmed it.
ALTER TABLE record ADD COLUMN successor TEXT NOT NULL DEFAULT '';
ALTER TABLE record ADD COLUMN replaces TEXT NOT NULL DEFAULT '';
