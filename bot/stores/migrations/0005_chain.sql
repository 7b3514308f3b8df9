-- The trail as a signed chain: entries of a month in a partition, chained by one role, with signed heads and anchors.

ALTER TABLE audit_entries RENAME TO audit_entries_unsigned;
ALTER TABLE audit_entries_unsigned RENAME CONSTRAINT audit_entries_pkey TO audit_entries_unsigned_pkey;
ALTER INDEX audit_entries_run RENAME TO audit_entries_unsigned_run;
ALTER INDEX audit_entries_principal RENAME TO audit_entries_unsigned_principal;
ALTER INDEX audit_entries_at RENAME TO audit_entries_unsigned_at;
ALTER SEQUENCE audit_entries_id_seq RENAME TO audit_entries_unsigned_id_seq;

CREATE SEQUENCE audit_entries_id_seq;
CREATE TABLE audit_entries (
    id bigint NOT NULL DEFAULT nextval('audit_entries_id_seq'),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    body text NOT NULL,
    -- Who signed it, as the how-manieth of theirs, and the Ed25519 signature over both and the body, in hex.
    writer text NOT NULL CHECK (writer ~ '^[0-9a-f]{32}$'),
    number bigint NOT NULL CHECK (number > 0),
    signature text NOT NULL CHECK (length(signature) = 128),
    -- Unknown until the sequencer has chained the entry: by then it is committed, so that none is skipped.
    position bigint,
    previous bytea,
    hash bytea,
    principal text NOT NULL GENERATED ALWAYS AS (body::json #>> '{actor,principal}') STORED,
    verb text NOT NULL GENERATED ALWAYS AS (body::json ->> 'verb') STORED,
    subject text NOT NULL GENERATED ALWAYS AS (body::json ->> 'subject') STORED,
    run text NOT NULL GENERATED ALWAYS AS (body::json ->> 'run') STORED,
    PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
ALTER SEQUENCE audit_entries_id_seq OWNED BY audit_entries.id;
CREATE INDEX audit_entries_run ON audit_entries (run, id) WHERE run <> '';
CREATE INDEX audit_entries_principal ON audit_entries (principal, id);
CREATE INDEX audit_entries_at ON audit_entries (at);
CREATE INDEX audit_entries_unchained ON audit_entries (id) WHERE position IS NULL;
CREATE INDEX audit_entries_position ON audit_entries (position) WHERE position IS NOT NULL;

-- Nobody, until `migrate` is told the sequencer's role.
CREATE FUNCTION audit_sequencer() RETURNS name LANGUAGE sql IMMUTABLE AS $$ SELECT ''::name $$;

CREATE FUNCTION chain_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_user = audit_sequencer() AND OLD.position IS NULL
        AND NEW.position IS NOT NULL AND NEW.previous IS NOT NULL AND NEW.hash IS NOT NULL
        AND (NEW.id, NEW.at, NEW.body, NEW.writer, NEW.number, NEW.signature)
          = (OLD.id, OLD.at, OLD.body, OLD.writer, OLD.number, OLD.signature)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'audit_entries only grows: an entry is chained once, by %, and nothing else of it changes',
        audit_sequencer() USING ERRCODE = 'insufficient_privilege';
END $$;
-- The first answers for statements that would touch no row yet; the second for each row, in every partition.
CREATE TRIGGER refuse_change BEFORE DELETE OR TRUNCATE OR
    UPDATE OF id, at, body, writer, number, signature ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER chain_once BEFORE UPDATE ON audit_entries FOR EACH ROW EXECUTE FUNCTION chain_once();

-- A month's partition. Its own trigger is there because a statement on it passes by those of the whole.
CREATE FUNCTION make_audit_partition(month date) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    begins date := date_trunc('month', month);
    name text := 'audit_entries_' || to_char(begins, 'YYYYMM');
BEGIN
    IF to_regclass(name) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %I PARTITION OF audit_entries FOR VALUES FROM (%L) TO (%L)', name,
                   begins::timestamptz, (begins + interval '1 month')::timestamptz);
    EXECUTE format('CREATE TRIGGER refuse_change BEFORE DELETE OR TRUNCATE OR '
                   'UPDATE OF id, at, body, writer, number, signature ON %I '
                   'FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', name);
    RETURN true;
END $$;
REVOKE EXECUTE ON FUNCTION make_audit_partition FROM PUBLIC;

-- More than a year ahead: whoever runs the bot without a sequencer still records.
SELECT make_audit_partition((date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC') + months * interval '1 month')::date)
FROM generate_series(0, 14) months;
SELECT make_audit_partition(day) FROM (SELECT DISTINCT (at AT TIME ZONE 'UTC')::date AS day FROM audit_entries_unsigned) days;
INSERT INTO audit_entries (id, at, body, writer, number, signature)
SELECT id, at, body, repeat('0', 32), id, repeat('0', 128) FROM audit_entries_unsigned ORDER BY id;
SELECT setval('audit_entries_id_seq', coalesce(max(id), 0) + 1, false) FROM audit_entries_unsigned;
DROP TABLE audit_entries_unsigned;

-- Each batch's head: `body` is what was signed, the other columns are derived from it.
CREATE TABLE audit_heads (
    batch bigint PRIMARY KEY GENERATED ALWAYS AS ((body::json ->> 'batch')::bigint) STORED,
    first bigint NOT NULL UNIQUE GENERATED ALWAYS AS ((body::json ->> 'first')::bigint) STORED,
    last bigint NOT NULL UNIQUE GENERATED ALWAYS AS ((body::json ->> 'last')::bigint) STORED,
    body text NOT NULL,
    signature text NOT NULL CHECK (length(signature) = 128),
    signed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_heads
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What lies outside, under the object's name: every head up to `last_batch`.
CREATE TABLE audit_anchors (
    last_batch bigint PRIMARY KEY REFERENCES audit_heads,
    object text NOT NULL UNIQUE,
    anchored_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_anchors
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Public keys that have signed here, for exports; whom to trust is not this database's to say.
CREATE TABLE audit_keys (
    key text NOT NULL CHECK (key ~ '^[0-9a-f]{64}$'),
    use text NOT NULL CHECK (use IN ('entries', 'heads')),
    first_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (use, key)
);
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_keys
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- One row: who chains until when, whether somebody waits for an anchor, and why the last one did not succeed.
CREATE TABLE audit_sequencing (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    owner text NOT NULL DEFAULT '',
    token text NOT NULL DEFAULT '',
    until timestamptz NOT NULL DEFAULT 'epoch',
    anchor_wanted_at timestamptz NOT NULL DEFAULT 'epoch',
    anchor_trouble text NOT NULL DEFAULT ''
);
INSERT INTO audit_sequencing DEFAULT VALUES;

-- Whose principal is called what: erased without touching the chain, which knows principals and Slack ids alone.
CREATE TABLE audit_names (
    principal text PRIMARY KEY,
    name text NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    erased_at timestamptz
);

CREATE TABLE audit_retired (
    month date PRIMARY KEY,
    first bigint NOT NULL,
    last bigint NOT NULL,
    retired_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    retired_by name NOT NULL DEFAULT session_user
);
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_retired
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Drops a month whose every entry is under an anchored head; answers the last position that it dropped.
CREATE FUNCTION retire_audit_partition(month date) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    begins date := date_trunc('month', month);
    name text := 'audit_entries_' || to_char(begins, 'YYYYMM');
    anchored bigint;
    unchained bigint;
    earliest bigint;
    latest bigint;
BEGIN
    IF to_regclass(name) IS NULL THEN
        RAISE EXCEPTION 'there is no partition %', name USING ERRCODE = 'undefined_table';
    ELSIF begins + interval '1 month' > (clock_timestamp() AT TIME ZONE 'UTC') - interval '90 days' THEN
        RAISE EXCEPTION '% is younger than ninety days: it stays', name USING ERRCODE = 'check_violation';
    END IF;
    EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', name);
    EXECUTE format('SELECT count(*) FILTER (WHERE position IS NULL), min(position), max(position) FROM %I', name)
        INTO unchained, earliest, latest;
    SELECT coalesce(max(last), 0) INTO anchored FROM audit_heads JOIN audit_anchors ON last_batch = batch;
    IF unchained > 0 OR latest > anchored THEN
        RAISE EXCEPTION '% holds entries that no anchored head covers: it stays', name USING ERRCODE = 'check_violation';
    END IF;
    EXECUTE format('DROP TABLE %I', name);
    IF latest IS NOT NULL THEN
        INSERT INTO audit_retired (month, first, last) VALUES (begins, earliest, latest);
    END IF;
    RETURN coalesce(latest, 0);
END $$;
REVOKE EXECUTE ON FUNCTION retire_audit_partition FROM PUBLIC;
