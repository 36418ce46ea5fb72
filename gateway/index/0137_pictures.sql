-- A new index whose pictures have not all been looked at does not prove what is not there.
ALTER TABLE index_meta ADD COLUMN awaits_pictures BIGINT NOT NULL DEFAULT 0;
