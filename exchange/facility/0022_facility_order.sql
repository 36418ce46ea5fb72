--compatible
-- The gate looks at all facilities at each decision: at no more of them than it needs.
CREATE INDEX facility_order ON facility (letter, id, way);
