-- A person's numbers in every state: asked for by each decision of the gate.
CREATE INDEX record_of_person ON record (person);
