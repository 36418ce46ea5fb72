--compatible
-- When somebody searched, for the rate limit of all processes; forgotten when it is over.
CREATE TABLE patient_search (
  staff TEXT NOT NULL,
  at_ms BIGINT NOT NULL
);
CREATE INDEX patient_search_staff ON patient_search (staff, at_ms);
