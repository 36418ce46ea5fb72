-- Whose number it was when the link was matched, as the patient's own ADT-00 said: given out
-- again to somebody else, the number is not the link's any more.
ALTER TABLE index_link ADD COLUMN kana_folded TEXT NOT NULL DEFAULT '';
ALTER TABLE index_link ADD COLUMN birth_day BIGINT NOT NULL DEFAULT -2147483648;
ALTER TABLE index_link ADD COLUMN sex TEXT NOT NULL DEFAULT 'U';
UPDATE index_link SET
  kana_folded = (SELECT p.kana_folded FROM index_patient p WHERE p.number = index_link.number),
  birth_day = (SELECT p.birth_day FROM index_patient p WHERE p.number = index_link.number),
  sex = (SELECT p.sex FROM index_patient p WHERE p.number = index_link.number)
WHERE EXISTS (SELECT 1 FROM index_patient p WHERE p.number = index_link.number);
