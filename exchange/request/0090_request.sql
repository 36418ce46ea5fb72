--compatible
-- A facility that may not register asks one that may. Only the two see it; the person's
-- data here is what the asking facility's own chart says, and it is forgotten with the row.
CREATE TABLE registration_request (
  id TEXT NOT NULL PRIMARY KEY,
  network TEXT NOT NULL REFERENCES network (id),
  asker TEXT NOT NULL REFERENCES facility (id),
  asked TEXT NOT NULL REFERENCES facility (id),
  wanted TEXT NOT NULL REFERENCES facility (id),
  number TEXT NOT NULL,
  name TEXT NOT NULL,
  kana TEXT NOT NULL,
  birth_day BIGINT NOT NULL,
  sex TEXT NOT NULL,
  -- the consent that the asker holds; form '' = the other facility is asked to take it
  consent_form TEXT NOT NULL,
  consent_channel TEXT NOT NULL,
  consent_day BIGINT NOT NULL,
  explained_by TEXT NOT NULL,
  message TEXT NOT NULL,
  sent_at BIGINT NOT NULL,
  sent_staff TEXT NOT NULL,
  sent_by TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN
    ('open', 'accepted', 'declined', 'withdrawn', 'expired')),
  closed_at BIGINT NOT NULL,
  closed_by TEXT NOT NULL,
  reason TEXT NOT NULL,
  answer TEXT NOT NULL,
  -- of an accepted one: the asker's link, or ''
  record TEXT NOT NULL
);
CREATE INDEX registration_request_asked ON registration_request (asked, state, sent_at);
CREATE INDEX registration_request_asker ON registration_request (asker, sent_at);
-- Asked twice is asked once.
CREATE UNIQUE INDEX registration_request_open ON registration_request (asker, asked, number)
  WHERE state = 'open';
