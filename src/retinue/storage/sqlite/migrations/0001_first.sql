-- Times are whole microseconds since 1970, UTC. Ids are unique per owner; `n` is for joins, and says
-- which came first.

CREATE TABLE conversations (
    n INTEGER PRIMARY KEY,
    owner TEXT NOT NULL,
    id TEXT NOT NULL,
    title TEXT,
    folder TEXT,
    seq INTEGER NOT NULL DEFAULT 0,
    said INTEGER NOT NULL DEFAULT 0, -- how many messages its transcript has
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    keep_days REAL,
    UNIQUE (owner, id)
);

-- The log. `body` is the event's JSON without its seq.
CREATE TABLE events (
    n INTEGER PRIMARY KEY,
    conversation INTEGER NOT NULL REFERENCES conversations ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    type TEXT NOT NULL,
    run INTEGER, -- whose it is
    body TEXT NOT NULL,
    UNIQUE (conversation, seq)
);

-- The event in which a message ended.
CREATE TABLE messages (
    conversation INTEGER NOT NULL REFERENCES conversations ON DELETE CASCADE,
    id TEXT NOT NULL,
    event INTEGER NOT NULL,
    PRIMARY KEY (conversation, id)
) WITHOUT ROWID;

-- What was said to the agent and what it replied; `at` is the conversation's seq at that time.
CREATE TABLE transcript (
    conversation INTEGER NOT NULL REFERENCES conversations ON DELETE CASCADE,
    at INTEGER NOT NULL,
    place INTEGER NOT NULL,
    event INTEGER NOT NULL,
    run INTEGER, -- that replied it
    PRIMARY KEY (conversation, at, place)
) WITHOUT ROWID;

-- Messages that were started and have not ended.
CREATE TABLE writing (
    conversation INTEGER NOT NULL REFERENCES conversations ON DELETE CASCADE,
    message TEXT NOT NULL,
    since INTEGER NOT NULL, -- the seq of its start
    attempt INTEGER NOT NULL DEFAULT 1,
    run INTEGER, -- whose it is
    PRIMARY KEY (conversation, message)
) WITHOUT ROWID;

CREATE TABLE tails (
    conversation INTEGER NOT NULL,
    message TEXT NOT NULL,
    kind TEXT NOT NULL,
    offset INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (conversation, message, kind, offset),
    FOREIGN KEY (conversation, message) REFERENCES writing ON DELETE CASCADE
) WITHOUT ROWID;

CREATE TABLE runs (
    n INTEGER PRIMARY KEY,
    owner TEXT NOT NULL,
    id TEXT NOT NULL,
    conversation INTEGER NOT NULL REFERENCES conversations ON DELETE CASCADE,
    agent TEXT NOT NULL,
    version TEXT,
    status TEXT NOT NULL,
    reason TEXT,
    epoch INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    seq INTEGER NOT NULL,
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    options TEXT NOT NULL,
    stop_asked INTEGER NOT NULL DEFAULT 0,
    background INTEGER NOT NULL,
    holder TEXT, -- who has taken it up last
    written INTEGER NOT NULL DEFAULT 0, -- number of its last write since then
    entered INTEGER NOT NULL DEFAULT 0, -- places given in its journal
    answered INTEGER NOT NULL DEFAULT 0, -- an interrupt was, since it was taken up
    UNIQUE (owner, id)
);
CREATE INDEX runs_conversation ON runs (conversation);
CREATE INDEX runs_unfinished ON runs (status) WHERE status <> 'ended';

CREATE TABLE journal (
    run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    address TEXT NOT NULL,
    place INTEGER NOT NULL, -- in the order of their first writes
    kind TEXT NOT NULL,
    turn TEXT NOT NULL,
    state TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (run, address)
) WITHOUT ROWID;

CREATE TABLE interrupts (
    n INTEGER PRIMARY KEY,
    owner TEXT NOT NULL,
    id TEXT NOT NULL,
    run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    address TEXT NOT NULL,
    kind TEXT NOT NULL,
    question TEXT NOT NULL,
    turn TEXT,
    agent TEXT,
    call TEXT,
    asked INTEGER NOT NULL,
    expires INTEGER,
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
    owner TEXT NOT NULL,
    purse TEXT NOT NULL,
    unit TEXT NOT NULL,
    taken REAL NOT NULL DEFAULT 0,
    PRIMARY KEY (owner, purse, unit)
) WITHOUT ROWID;

CREATE TABLE reservations (
    run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    address TEXT NOT NULL,
    purse TEXT NOT NULL,
    unit TEXT NOT NULL,
    amount REAL NOT NULL,
    PRIMARY KEY (run, address, purse, unit)
) WITHOUT ROWID;

CREATE TABLE blobs (
    n INTEGER PRIMARY KEY,
    owner TEXT NOT NULL,
    hash TEXT NOT NULL,
    size INTEGER NOT NULL,
    data BLOB NOT NULL,
    UNIQUE (owner, hash)
);

CREATE TABLE blob_uses (
    conversation INTEGER NOT NULL REFERENCES conversations ON DELETE CASCADE,
    blob INTEGER NOT NULL REFERENCES blobs,
    media_type TEXT NOT NULL,
    name TEXT,
    PRIMARY KEY (conversation, blob)
) WITHOUT ROWID;
CREATE INDEX blob_uses_blob ON blob_uses (blob);

CREATE TABLE notes (
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (owner, name)
) WITHOUT ROWID;

-- How far the log is in the index of words, which is made when somebody searches.
CREATE TABLE searched (
    upto INTEGER NOT NULL
);
INSERT INTO searched VALUES (0);
