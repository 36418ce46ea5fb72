-- End of the gateway's certificate, UTC ms; 0 = not known.
ALTER TABLE facility ADD COLUMN certificate_ends_at BIGINT NOT NULL DEFAULT 0;
