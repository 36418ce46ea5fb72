--compatible
-- Found by what is typed: a number at a facility, whatever became of its link.
CREATE INDEX record_of_number ON record (facility, number, state);
-- Few among all, looked for by each home page and each gateway that comes back.
CREATE INDEX record_unfinished ON record (entered_facility, entered_at)
  WHERE state IN ('proposed', 'refused', 'suspended');
CREATE INDEX record_has_to_tell ON record (facility, since) WHERE has_to_tell = 1;
