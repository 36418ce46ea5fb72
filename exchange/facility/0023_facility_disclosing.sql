--compatible
-- Whose data may be asked for: a few hundred among ten thousand, looked for at each
-- decision of the gate and read from here alone.
CREATE INDEX facility_disclosing ON facility (letter, id, way) WHERE way <> 'view_only';
