-- One row per version; rows are only ever added.
CREATE TABLE consent (
  id TEXT NOT NULL,
  version BIGINT NOT NULL,
  person TEXT NOT NULL REFERENCES person (id),
  network TEXT NOT NULL REFERENCES network (id),
  form TEXT NOT NULL,
  channel TEXT NOT NULL,
  state TEXT NOT NULL,
  giver TEXT NOT NULL,
  giver_name TEXT NOT NULL,
  note TEXT NOT NULL,
  until_day BIGINT,
  list_version BIGINT NOT NULL,
  given_at BIGINT NOT NULL,
  given_facility TEXT NOT NULL,
  given_staff TEXT NOT NULL,
  given_by TEXT NOT NULL,
  given_facility_name TEXT NOT NULL,
  withdrawn_at BIGINT NOT NULL,
  withdrawn_facility TEXT NOT NULL,
  withdrawn_staff TEXT NOT NULL,
  withdrawn_by TEXT NOT NULL,
  withdrawn_facility_name TEXT NOT NULL,
  withdrawn_channel TEXT NOT NULL,
  withdrawn_note TEXT NOT NULL,
  PRIMARY KEY (id, version)
);
CREATE INDEX consent_person ON consent (person, id, version);
CREATE TABLE consent_facility (
  consent TEXT NOT NULL,
  version BIGINT NOT NULL,
  facility TEXT NOT NULL,
  PRIMARY KEY (consent, version, facility),
  FOREIGN KEY (consent, version) REFERENCES consent (id, version)
);
--sqlite CREATE TRIGGER consent_kept BEFORE UPDATE ON consent BEGIN SELECT RAISE(ABORT, 'versions are never changed'); END;
--sqlite CREATE TRIGGER consent_not_deleted BEFORE DELETE ON consent BEGIN SELECT RAISE(ABORT, 'versions are never deleted'); END;
--sqlite CREATE TRIGGER consent_facility_kept BEFORE UPDATE ON consent_facility BEGIN SELECT RAISE(ABORT, 'versions are never changed'); END;
--sqlite CREATE TRIGGER consent_facility_not_deleted BEFORE DELETE ON consent_facility BEGIN SELECT RAISE(ABORT, 'versions are never deleted'); END;
--postgres CREATE FUNCTION consent_keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''versions are never changed or deleted''; END';
--postgres CREATE TRIGGER consent_kept BEFORE UPDATE OR DELETE ON consent FOR EACH ROW EXECUTE FUNCTION consent_keep();
--postgres CREATE TRIGGER consent_facility_kept BEFORE UPDATE OR DELETE ON consent_facility FOR EACH ROW EXECUTE FUNCTION consent_keep();
