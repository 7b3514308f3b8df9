-- The clock of requests that nobody answers, and what makes a request more urgent or less supervised.

ALTER TABLE runs ADD COLUMN severity text NOT NULL DEFAULT 'P1' CHECK (severity IN ('P0', 'P1', 'P2', 'P3'));
ALTER TABLE runs ADD COLUMN incident bigint;
ALTER TABLE runs ADD COLUMN glass text NOT NULL DEFAULT '';
ALTER TABLE runs ADD CONSTRAINT glass_needs_incident
    CHECK (glass = '' OR (incident IS NOT NULL AND severity IN ('P0', 'P1')));

-- Whom to tell about what (`run:<id>` or `review:<id>`), and when; `role` is empty for those whose yes is missing.
-- `made_at` is written once: whoever wins that writes to them.
CREATE TABLE calls (
    about text NOT NULL,
    position integer NOT NULL,
    event text NOT NULL CHECK (event IN ('asked', 'reminded', 'called', 'paged')),
    role text NOT NULL,
    due_at timestamptz NOT NULL,
    made_at timestamptz,
    users text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (about, position)
);
CREATE INDEX calls_due ON calls (due_at) WHERE made_at IS NULL;

CREATE TABLE incidents (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    severity text NOT NULL CHECK (severity IN ('P0', 'P1', 'P2', 'P3')),
    title text NOT NULL CHECK (title <> ''),
    declared_by text NOT NULL,
    declared_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    resolved_by text NOT NULL DEFAULT '',
    resolved_at timestamptz
);
CREATE INDEX incidents_open ON incidents (severity, number) WHERE resolved_at IS NULL;
ALTER TABLE runs ADD FOREIGN KEY (incident) REFERENCES incidents;

CREATE TABLE freezes (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    until timestamptz NOT NULL,
    reason text NOT NULL CHECK (reason <> ''),
    declared_by text NOT NULL,
    declared_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    lifted_by text NOT NULL DEFAULT '',
    lifted_at timestamptz
);
CREATE INDEX freezes_standing ON freezes (until) WHERE lifted_at IS NULL;

-- What has to be looked at afterwards because glass was broken: one a run, done by somebody else than who broke it.
CREATE TABLE reviews (
    run text PRIMARY KEY REFERENCES runs,
    requester text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    done_at timestamptz,
    done_by text NOT NULL DEFAULT '',
    note text NOT NULL DEFAULT '',
    FOREIGN KEY (run, requester) REFERENCES runs (id, requester),
    CONSTRAINT reviewed_by_another CHECK (done_by <> requester)
);
