-- What lay in a document's folder besides the document when it was read: SHA-256 over names,
-- sizes and times, '' = nothing. A changed picture is a changed document.
ALTER TABLE index_file ADD COLUMN beside TEXT NOT NULL DEFAULT '';
