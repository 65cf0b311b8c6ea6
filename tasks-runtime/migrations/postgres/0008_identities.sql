-- What this database is called outside of it, as in the store of artifacts' content. A copy of a database is at another place, and takes
-- another name there; the rows that came with the copy say what it was a copy of.
CREATE TABLE tasks_identities (
    id TEXT PRIMARY KEY NOT NULL,
    place TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);
