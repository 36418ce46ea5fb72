--compatible
-- A list may have thousands of members, and each decision of the gate reads it: from this
-- index alone.
CREATE INDEX network_participant_list
  ON network_participant (network, version, facility, since_version, visible_from_day);
