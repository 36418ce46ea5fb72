-- Numbers that the hospital joined into others or changed, as its messages said (MRG).
-- A statement outlives the message, which the next update of the patient supersedes.
CREATE TABLE index_replaced (
  old TEXT PRIMARY KEY,               -- without leading zeros
  successor TEXT NOT NULL,
  successor_key TEXT NOT NULL,        -- without leading zeros
  version TEXT NOT NULL,              -- of the message that said so
  said_number TEXT NOT NULL,          -- in whose folder it stood …
  said_base TEXT NOT NULL             -- … and where: taken away, it takes this along
);
CREATE INDEX index_replaced_successor ON index_replaced (successor_key);
CREATE INDEX index_replaced_said ON index_replaced (said_number, said_base);
