-- Times are microseconds since 1970, in UTC. Exactly one of data, content and object_key is there.
CREATE TABLE tasks_artifacts (
    id TEXT PRIMARY KEY NOT NULL,
    parent_id TEXT REFERENCES tasks_artifacts (id) ON DELETE SET NULL,
    level INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    -- A JSON array of strings.
    tags TEXT NOT NULL,
    -- A JSON object.
    metadata TEXT NOT NULL,
    content_type TEXT,
    file_name TEXT,
    size BIGINT,
    -- SHA-256 of the content, in hexadecimal.
    digest TEXT,
    -- Where large content is, in the content store.
    object_key TEXT,
    -- JSON.
    data TEXT,
    -- Small content. The large columns are last: SQLite reads a row from its beginning.
    content BYTEA
);
CREATE INDEX tasks_artifacts_parent ON tasks_artifacts (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX tasks_artifacts_created ON tasks_artifacts (created_at, id);
CREATE INDEX tasks_artifacts_object ON tasks_artifacts (object_key) WHERE object_key IS NOT NULL;
