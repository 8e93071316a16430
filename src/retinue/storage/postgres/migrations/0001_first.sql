-- Times are whole microseconds since 1970, UTC. Ids are unique per owner; `n` is for joins, and says
-- which came first. Texts are compared by their bytes; NUL and half letters are escaped in them.

CREATE TABLE conversations (
    n BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    title TEXT,
    folder TEXT,
    seq BIGINT NOT NULL DEFAULT 0,
    said BIGINT NOT NULL DEFAULT 0, -- how many messages its transcript has
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    keep_days DOUBLE PRECISION,
    UNIQUE (owner, id)
);

-- The log. `run` is the id of whose it is; `body` is the event's JSON without its seq.
CREATE TABLE events (
    conversation BIGINT NOT NULL REFERENCES conversations ON DELETE CASCADE,
    seq BIGINT NOT NULL,
    run TEXT COLLATE "C",
    body TEXT NOT NULL,
    PRIMARY KEY (conversation, seq)
);
CREATE INDEX events_run ON events (conversation, run) WHERE run IS NOT NULL;

-- The event in which a message ended, and the words that are in it.
CREATE TABLE messages (
    n BIGINT GENERATED ALWAYS AS IDENTITY UNIQUE,
    conversation BIGINT NOT NULL REFERENCES conversations ON DELETE CASCADE,
    id TEXT COLLATE "C" NOT NULL,
    event BIGINT NOT NULL,
    words TEXT[] COLLATE "C" NOT NULL,
    PRIMARY KEY (conversation, id, event)
);
CREATE INDEX messages_words ON messages USING gin (words);

-- What was said to the agent and what it replied; `at` is the conversation's seq at that time.
CREATE TABLE transcript (
    conversation BIGINT NOT NULL REFERENCES conversations ON DELETE CASCADE,
    at BIGINT NOT NULL,
    place BIGINT NOT NULL,
    event BIGINT NOT NULL,
    run TEXT COLLATE "C", -- the id of the one that replied it
    PRIMARY KEY (conversation, at, place)
);
CREATE INDEX transcript_run ON transcript (conversation, run) WHERE run IS NOT NULL;

-- Messages that were started and have not ended.
CREATE TABLE writing (
    conversation BIGINT NOT NULL REFERENCES conversations ON DELETE CASCADE,
    message TEXT COLLATE "C" NOT NULL,
    since BIGINT NOT NULL, -- the seq of its start
    attempt BIGINT NOT NULL DEFAULT 1,
    run TEXT COLLATE "C", -- the id of the one whose it is
    PRIMARY KEY (conversation, message)
);

CREATE TABLE tails (
    conversation BIGINT NOT NULL,
    message TEXT COLLATE "C" NOT NULL,
    kind TEXT NOT NULL,
    begin BIGINT NOT NULL, -- its offset
    text TEXT NOT NULL,
    PRIMARY KEY (conversation, message, kind, begin),
    FOREIGN KEY (conversation, message) REFERENCES writing ON DELETE CASCADE
);

CREATE TABLE runs (
    n BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    conversation BIGINT NOT NULL REFERENCES conversations ON DELETE CASCADE,
    agent TEXT NOT NULL,
    version TEXT,
    status TEXT NOT NULL,
    reason TEXT,
    epoch BIGINT NOT NULL DEFAULT 0,
    attempts BIGINT NOT NULL DEFAULT 0,
    seq BIGINT NOT NULL,
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    options TEXT NOT NULL,
    stop_asked BOOLEAN NOT NULL DEFAULT false,
    background BOOLEAN NOT NULL,
    holder TEXT COLLATE "C", -- who has taken it up last
    written BIGINT NOT NULL DEFAULT 0, -- number of its last write since then
    entered BIGINT NOT NULL DEFAULT 0, -- places given in its journal
    answered BOOLEAN NOT NULL DEFAULT false, -- an interrupt was, since it was taken up
    UNIQUE (owner, id)
);
CREATE INDEX runs_conversation ON runs (conversation);
CREATE INDEX runs_due ON runs (n) WHERE status IN ('queued', 'running');

CREATE TABLE journal (
    run BIGINT NOT NULL REFERENCES runs ON DELETE CASCADE,
    address TEXT COLLATE "C" NOT NULL,
    place BIGINT NOT NULL, -- in the order of their first writes
    kind TEXT NOT NULL,
    turn TEXT NOT NULL,
    state TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (run, address)
);

CREATE TABLE interrupts (
    n BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    run BIGINT NOT NULL REFERENCES runs ON DELETE CASCADE,
    address TEXT NOT NULL,
    kind TEXT NOT NULL,
    question TEXT NOT NULL,
    turn TEXT,
    agent TEXT,
    call TEXT,
    asked BIGINT NOT NULL,
    expires BIGINT,
    otherwise TEXT NOT NULL, -- the answer when it expires
    status TEXT NOT NULL,
    answer TEXT,
    answered_by TEXT,
    UNIQUE (owner, id)
);
CREATE INDEX interrupts_run ON interrupts (run);
CREATE INDEX interrupts_open ON interrupts (expires) WHERE status = 'open';

-- Budgets: what was taken, open reservations included.
CREATE TABLE purses (
    owner TEXT COLLATE "C" NOT NULL,
    purse TEXT COLLATE "C" NOT NULL,
    unit TEXT COLLATE "C" NOT NULL,
    taken DOUBLE PRECISION NOT NULL DEFAULT 0,
    PRIMARY KEY (owner, purse, unit)
);

CREATE TABLE reservations (
    run BIGINT NOT NULL REFERENCES runs ON DELETE CASCADE,
    address TEXT COLLATE "C" NOT NULL,
    purse TEXT COLLATE "C" NOT NULL,
    unit TEXT COLLATE "C" NOT NULL,
    amount DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (run, address, purse, unit)
);

CREATE TABLE blobs (
    n BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner TEXT COLLATE "C" NOT NULL,
    hash TEXT COLLATE "C" NOT NULL,
    size BIGINT NOT NULL,
    data BYTEA NOT NULL,
    UNIQUE (owner, hash)
);
ALTER TABLE blobs ALTER COLUMN data SET STORAGE EXTERNAL;

CREATE TABLE blob_uses (
    conversation BIGINT NOT NULL REFERENCES conversations ON DELETE CASCADE,
    blob BIGINT NOT NULL REFERENCES blobs,
    media_type TEXT NOT NULL,
    name TEXT,
    PRIMARY KEY (conversation, blob)
);
CREATE INDEX blob_uses_blob ON blob_uses (blob);

CREATE TABLE notes (
    owner TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (owner, name)
);

-- Who executes runs: each keeps the advisory lock of that key as long as it is connected.
CREATE TABLE holders (
    id TEXT COLLATE "C" PRIMARY KEY,
    key BIGINT NOT NULL,
    beat TIMESTAMPTZ NOT NULL, -- its last sign of life
    server TIMESTAMPTZ NOT NULL -- when the server was started in which it took the lock
);

-- Those that are there, frozen or not, and for how many seconds they have been silent. When the
-- server was started anew all locks were lost: whoever held one has half a minute to come back.
CREATE VIEW living AS
SELECT
    h.id,
    CAST(extract(epoch FROM clock_timestamp() - h.beat) AS DOUBLE PRECISION) AS silence
FROM holders h
WHERE
    (h.server <> pg_postmaster_start_time() AND h.beat > clock_timestamp() - INTERVAL '30 seconds')
    OR EXISTS (
        SELECT 1
        FROM pg_locks l
        WHERE
            l.locktype = 'advisory'
            AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
            AND l.classid = CAST((h.key >> 32) & 4294967295 AS OID)
            AND l.objid = CAST(h.key & 4294967295 AS OID)
            AND l.objsubid = 1
            AND l.granted
    );
