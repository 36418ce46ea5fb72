CREATE TABLE network (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  consent_model TEXT NOT NULL CHECK (consent_model IN ('comprehensive', 'specific')),
  minimum_assurance TEXT NOT NULL
    CHECK (minimum_assurance IN ('password', 'certificate', 'second_factor')),
  joiner_waiting_days BIGINT NOT NULL CHECK (joiner_waiting_days BETWEEN 0 AND 90),
  created_at BIGINT NOT NULL
);
-- A version and its rows are written once and never changed.
CREATE TABLE network_list (
  network TEXT NOT NULL REFERENCES network (id),
  version BIGINT NOT NULL,
  effective_day BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (network, version)
);
CREATE TABLE network_participant (
  network TEXT NOT NULL,
  version BIGINT NOT NULL,
  facility TEXT NOT NULL,
  since_version BIGINT NOT NULL,
  visible_from_day BIGINT NOT NULL,
  PRIMARY KEY (network, version, facility),
  FOREIGN KEY (network, version) REFERENCES network_list (network, version)
);
CREATE INDEX network_participant_facility ON network_participant (facility, network);
-- One row: grows with every change that may end a permission.
CREATE TABLE network_epoch (
  one BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
  epoch BIGINT NOT NULL
);
INSERT INTO network_epoch (one, epoch) VALUES (1, 1);
