--compatible
-- 1 = somebody else chose it or knows it: it opens nothing before its owner has changed it.
ALTER TABLE staff_password ADD COLUMN is_initial BIGINT NOT NULL DEFAULT 0;
