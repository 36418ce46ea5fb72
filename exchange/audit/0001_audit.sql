-- An index over the audit's files, for searching; rebuilt from them at any time.
CREATE TABLE audit_index (
  node TEXT NOT NULL,
  number BIGINT NOT NULL,
  at_ms BIGINT NOT NULL,
  phase TEXT NOT NULL,
  event TEXT NOT NULL,
  verdict TEXT NOT NULL,
  reason TEXT NOT NULL,
  request TEXT NOT NULL,
  staff TEXT NOT NULL,
  name TEXT NOT NULL,
  profession TEXT NOT NULL,
  facility TEXT NOT NULL,
  facility_name TEXT NOT NULL,
  person TEXT NOT NULL,
  provider TEXT NOT NULL,
  local_number TEXT NOT NULL,
  object TEXT NOT NULL,
  kind TEXT NOT NULL,
  day BIGINT,
  purpose TEXT NOT NULL,
  bytes BIGINT NOT NULL,
  parts BIGINT NOT NULL,
  PRIMARY KEY (node, number)
);
CREATE INDEX audit_index_facility ON audit_index (facility, at_ms, node, number);
CREATE INDEX audit_index_provider ON audit_index (provider, at_ms, node, number) WHERE provider <> '';
CREATE INDEX audit_index_person ON audit_index (person, at_ms, node, number) WHERE person <> '';
CREATE INDEX audit_index_staff ON audit_index (staff, at_ms, node, number) WHERE staff <> '';
CREATE INDEX audit_index_request ON audit_index (request) WHERE request <> '';
