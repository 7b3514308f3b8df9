-- Alerts: a group is one message and one clock; at most one group of a sender's key fires at a time.

CREATE TABLE alert_groups (
    number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source text NOT NULL CHECK (source IN ('alertmanager', 'webhook', 'bot')),
    key text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('P0', 'P1', 'P2', 'P3')),
    title text NOT NULL,
    labels jsonb NOT NULL,
    annotations jsonb NOT NULL,
    link text NOT NULL,
    status text NOT NULL CHECK (status IN ('firing', 'resolved')),
    opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    resolved_at timestamptz CHECK ((resolved_at IS NULL) = (status = 'firing')),
    acknowledged_by text NOT NULL DEFAULT '',
    acknowledged_slack text NOT NULL DEFAULT '',
    acknowledged_at timestamptz,
    silence text NOT NULL DEFAULT '',
    silenced_until timestamptz,
    incident integer NOT NULL DEFAULT 0,
    flaps integer NOT NULL DEFAULT 0,
    clock integer NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX alert_groups_firing ON alert_groups (source, key) WHERE status = 'firing';
CREATE INDEX alert_groups_latest ON alert_groups (source, key, number DESC);

CREATE TABLE alerts (
    group_number integer NOT NULL REFERENCES alert_groups (number),
    fingerprint text NOT NULL,
    status text NOT NULL CHECK (status IN ('firing', 'resolved')),
    starts_at timestamptz NOT NULL,
    ends_at timestamptz,
    labels jsonb NOT NULL,
    annotations jsonb NOT NULL,
    link text NOT NULL,
    changes integer NOT NULL,
    PRIMARY KEY (group_number, fingerprint)
);

CREATE TABLE alert_events (
    group_number integer NOT NULL REFERENCES alert_groups (number),
    place integer NOT NULL,
    kind text NOT NULL,
    text text NOT NULL,
    by text NOT NULL,
    slack_user text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (group_number, place)
);
