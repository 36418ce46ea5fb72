--compatible
-- The network's decision: 0 = it registers nobody itself but asks one that may.
ALTER TABLE facility ADD COLUMN may_register BIGINT NOT NULL DEFAULT 1;
