-- What the bot remembers: requests, runs, what they hold, and the trail of who did what.

CREATE TABLE inbox (
    id text PRIMARY KEY,
    kind text NOT NULL CHECK (kind <> ''),
    key text NOT NULL CHECK (key <> ''),
    -- json and not jsonb everywhere: what was hashed or received must come back exactly as it was written.
    payload json NOT NULL,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    worked_at timestamptz,
    note text NOT NULL DEFAULT '',
    attempts integer NOT NULL DEFAULT 0,
    owner text NOT NULL DEFAULT '',
    claimed_until timestamptz NOT NULL DEFAULT 'epoch',
    UNIQUE (kind, key)
);
CREATE INDEX inbox_unworked ON inbox (received_at) WHERE worked_at IS NULL;

CREATE TABLE runs (
    id text PRIMARY KEY,
    number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    runbook text NOT NULL,
    title text NOT NULL,
    params json NOT NULL,
    facts json NOT NULL,
    described json NOT NULL,
    digest text NOT NULL,
    definition text NOT NULL,
    risk text NOT NULL CHECK (risk IN ('read-only', 'routine', 'disruptive', 'destructive')),
    environment text NOT NULL,
    state text NOT NULL CHECK (state IN ('requested', 'approved', 'running', 'interrupted', 'succeeded', 'failed',
                                         'undone', 'cancelled', 'expired', 'refused')),
    requester text NOT NULL,
    requester_slack text NOT NULL,
    channel text NOT NULL,
    thread text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at timestamptz,
    finished_at timestamptz,
    failure text NOT NULL DEFAULT '',
    hint text NOT NULL DEFAULT '',
    cancel_asked_by text NOT NULL DEFAULT '',
    undoes text NOT NULL DEFAULT ''
);
CREATE INDEX runs_open ON runs (state, number) WHERE finished_at IS NULL;

CREATE TABLE run_steps (
    run text NOT NULL REFERENCES runs,
    position integer NOT NULL,
    key text NOT NULL,
    title text NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'intended', 'done', 'failed', 'undone')),
    attempt integer NOT NULL,
    note text NOT NULL,
    data json NOT NULL,
    started_at timestamptz,
    finished_at timestamptz,
    PRIMARY KEY (run, key),
    UNIQUE (run, position)
);

-- Who may work on a run, until when on this database's clock.
CREATE TABLE leases (
    run text PRIMARY KEY REFERENCES runs,
    token text NOT NULL,
    owner text NOT NULL,
    until timestamptz NOT NULL
);
CREATE INDEX leases_until ON leases (until);

-- What a run holds. Two held claims of one name exclude each other unless both are shared: a shared claim takes one
-- slot of its name, the run's own number; an exclusive one takes them all. A range of one point stands for the name,
-- because GiST compares ranges without any extension.
CREATE TYPE name_range AS RANGE (subtype = text, collation = "C");
CREATE TABLE run_claims (
    run text NOT NULL REFERENCES runs,
    name text NOT NULL,
    exclusive boolean NOT NULL,
    slots int8range NOT NULL,
    held boolean NOT NULL DEFAULT true,
    PRIMARY KEY (run, name),
    CONSTRAINT run_claims_exclude EXCLUDE USING gist (name_range(name, name, '[]') WITH &&, slots WITH &&) WHERE (held)
);

-- Claims end with the run's state and in no other way: nobody else may write `held`.
CREATE FUNCTION end_claims() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE run_claims SET held = false WHERE run = NEW.id AND held;
    RETURN NEW;
END $$;
CREATE TRIGGER end_claims AFTER UPDATE OF state ON runs
    FOR EACH ROW WHEN (OLD.state IN ('running', 'interrupted') AND NEW.state NOT IN ('running', 'interrupted'))
    EXECUTE FUNCTION end_claims();

-- `body` is what was recorded, byte for byte; the other columns are derived from it, so that they cannot disagree.
CREATE TABLE audit_entries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    body text NOT NULL,
    principal text NOT NULL GENERATED ALWAYS AS (body::json #>> '{actor,principal}') STORED,
    verb text NOT NULL GENERATED ALWAYS AS (body::json ->> 'verb') STORED,
    subject text NOT NULL GENERATED ALWAYS AS (body::json ->> 'subject') STORED,
    run text NOT NULL GENERATED ALWAYS AS (body::json ->> 'run') STORED
);
CREATE INDEX audit_entries_run ON audit_entries (run, id) WHERE run <> '';
CREATE INDEX audit_entries_principal ON audit_entries (principal, id);
CREATE INDEX audit_entries_at ON audit_entries (at);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% only grows: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE backups (
    id text PRIMARY KEY,
    run text NOT NULL,
    database text NOT NULL,
    folder text NOT NULL,
    file text NOT NULL,
    size_bytes bigint NOT NULL,
    sha256 text NOT NULL,
    taken_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    verdict text NOT NULL CHECK (verdict IN ('proven', 'unproven', 'broken')),
    tables integer NOT NULL,
    rows bigint NOT NULL,
    bucket text NOT NULL,
    object_key text NOT NULL,
    took interval NOT NULL,
    manifest json
);
CREATE INDEX backups_taken ON backups (taken_at DESC);

CREATE TABLE messages (
    key text PRIMARY KEY,
    number bigint GENERATED ALWAYS AS IDENTITY,
    channel text NOT NULL,
    parent text NOT NULL,
    thread text NOT NULL,
    ts text NOT NULL,
    drawn text NOT NULL,
    posting boolean NOT NULL DEFAULT false,
    attempts integer NOT NULL DEFAULT 0,
    owner text NOT NULL DEFAULT '',
    claimed_until timestamptz NOT NULL DEFAULT 'epoch',
    wanted_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX messages_undrawn ON messages (wanted_at) WHERE ts = '';
CREATE INDEX messages_parent ON messages (parent, number) WHERE parent <> '';

CREATE TABLE schedule_firings (
    schedule text NOT NULL,
    planned timestamptz NOT NULL,
    fired_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (schedule, planned)
);
