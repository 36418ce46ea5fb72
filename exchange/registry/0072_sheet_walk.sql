--compatible
-- 0071 first went through all rows itself and had no place to keep. Where it did, everything has
-- its sheet; where the place is kept, it stays as it is. (That 0071 also widened the index
-- registry_entry_stays; either serves.)
CREATE TABLE IF NOT EXISTS registry_sheet_walk (
  one BIGINT PRIMARY KEY, record BIGINT NOT NULL, day BIGINT NOT NULL);
INSERT INTO registry_sheet_walk (one, record, day) VALUES (1, 9223372036854775807, 0)
  ON CONFLICT (one) DO NOTHING;
