--compatible
-- Those that a changed password or a disabled account ends.
CREATE INDEX session_of_staff ON session (staff) WHERE closed_at = 0;
