--compatible
-- What the network's office keeps for facilities without a gateway. A version is never
-- changed; the one in force stands in facility.policy.
CREATE TABLE facility_policy (
  facility TEXT NOT NULL REFERENCES facility (id),
  version BIGINT NOT NULL,             -- facility.policy_version
  policy TEXT NOT NULL,
  kept_at BIGINT NOT NULL,
  PRIMARY KEY (facility, version)
);
-- What a former gateway published counts for nobody.
UPDATE facility SET policy = '' WHERE way = 'view_only' AND policy <> '';
-- Looked for at the gate's decisions, as those that disclose are.
CREATE INDEX facility_keeping ON facility (id) WHERE way = 'view_only' AND policy <> '';
