--compatible
-- Calendars are read from sheets: what they need of a record's rows within 32 days, packed into
-- one value, so that a year is a dozen rows and not hundreds. The database itself voids a sheet
-- with any change of its rows, whatever program made it; registry_sheet_store.c writes it anew,
-- and reads the rows until then.
-- place: record * 2^27 + (day + 2^31) / 32; marks: as registry_mark.c packs them, NULL = void.
-- In SQLite only an INTEGER is the row's own place.
--sqlite CREATE TABLE registry_sheet (place INTEGER PRIMARY KEY, marks BYTEA);
--postgres CREATE TABLE registry_sheet (place BIGINT PRIMARY KEY, marks BYTEA);
-- Compressing would save little and cost each calendar its unpacking.
--postgres ALTER TABLE registry_sheet ALTER COLUMN marks SET STORAGE EXTERNAL;
CREATE INDEX registry_sheet_void ON registry_sheet (place) WHERE marks IS NULL;
--sqlite CREATE TRIGGER registry_sheet_insert AFTER INSERT ON registry_entry BEGIN
--sqlite   INSERT INTO registry_sheet (place, marks)
--sqlite     VALUES (NEW.record * 134217728 + (NEW.day + 2147483648) / 32, NULL)
--sqlite     ON CONFLICT (place) DO UPDATE SET marks = NULL WHERE marks IS NOT NULL;
--sqlite END;
--sqlite CREATE TRIGGER registry_sheet_delete AFTER DELETE ON registry_entry BEGIN
--sqlite   UPDATE registry_sheet SET marks = NULL
--sqlite     WHERE place = OLD.record * 134217728 + (OLD.day + 2147483648) / 32;
--sqlite END;
--sqlite CREATE TRIGGER registry_sheet_update AFTER UPDATE ON registry_entry BEGIN
--sqlite   UPDATE registry_sheet SET marks = NULL
--sqlite     WHERE place = OLD.record * 134217728 + (OLD.day + 2147483648) / 32;
--sqlite   INSERT INTO registry_sheet (place, marks)
--sqlite     VALUES (NEW.record * 134217728 + (NEW.day + 2147483648) / 32, NULL)
--sqlite     ON CONFLICT (place) DO UPDATE SET marks = NULL WHERE marks IS NOT NULL;
--sqlite END;
--postgres CREATE FUNCTION registry_sheet_voided() RETURNS trigger LANGUAGE plpgsql AS $do$
--postgres BEGIN
--postgres   IF TG_OP <> 'INSERT' THEN
--postgres     UPDATE registry_sheet SET marks = NULL
--postgres       WHERE place = OLD.record * 134217728 + (OLD.day + 2147483648) / 32;
--postgres   END IF;
--postgres   IF TG_OP <> 'DELETE' THEN
--postgres     INSERT INTO registry_sheet (place, marks)
--postgres       VALUES (NEW.record * 134217728 + (NEW.day + 2147483648) / 32, NULL)
--postgres       ON CONFLICT (place) DO UPDATE SET marks = NULL
--postgres       WHERE registry_sheet.marks IS NOT NULL;
--postgres   END IF;
--postgres   RETURN NULL;
--postgres END $do$;
--postgres CREATE TRIGGER registry_sheet_void AFTER INSERT OR UPDATE OR DELETE ON registry_entry
--postgres   FOR EACH ROW EXECUTE FUNCTION registry_sheet_voided();
INSERT INTO registry_sheet (place, marks)
  SELECT DISTINCT record * 134217728 + (day + 2147483648) / 32, CAST(NULL AS BYTEA)
  FROM registry_entry;
-- What stays are built from, without a look at the rows.
DROP INDEX registry_entry_stays;
CREATE INDEX registry_entry_stays ON registry_entry (record, day, source_key, entry, title,
  visible_at, state, department_code, flags) WHERE kind = 0;
