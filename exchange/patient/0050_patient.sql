CREATE TABLE person (
  id TEXT NOT NULL PRIMARY KEY,
  network TEXT NOT NULL REFERENCES network (id),
  name TEXT NOT NULL,
  kana TEXT NOT NULL,
  folded_name TEXT NOT NULL,
  folded_kana TEXT NOT NULL,
  birth_day BIGINT NOT NULL,
  sex TEXT NOT NULL,
  phone TEXT NOT NULL,
  folded_phone TEXT NOT NULL,
  registered_facility TEXT NOT NULL REFERENCES facility (id),
  registered_at BIGINT NOT NULL
);
CREATE INDEX person_birth ON person (birth_day, network);
CREATE INDEX person_kana ON person (folded_kana, network);
CREATE INDEX person_name ON person (folded_name, network);
-- record: one person's number at one facility; everything clinical hangs on it.
CREATE TABLE record (
  id TEXT NOT NULL PRIMARY KEY,
  person TEXT NOT NULL REFERENCES person (id),
  facility TEXT NOT NULL REFERENCES facility (id),
  number TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  entered_facility TEXT NOT NULL REFERENCES facility (id),
  entered_staff TEXT NOT NULL,
  entered_at BIGINT NOT NULL,
  since BIGINT NOT NULL,
  -- its gateway has to hear that the link ended
  has_to_tell BIGINT NOT NULL
);
-- A number belongs to one person, and a person has one number at a facility.
CREATE UNIQUE INDEX record_number ON record (facility, number) WHERE state = 'confirmed';
CREATE UNIQUE INDEX record_person ON record (person, facility)
  WHERE state IN ('proposed', 'confirmed', 'suspended');
CREATE INDEX record_facility_state ON record (facility, state);
CREATE INDEX record_entered ON record (entered_facility, entered_at);
