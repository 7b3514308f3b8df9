-- Decisions on requested runs; every rule that the domain checks is held here as well.

ALTER TABLE runs ADD CONSTRAINT runs_requester UNIQUE (id, requester);

CREATE TABLE approvals (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run text NOT NULL,
    -- The run's own requester, by the foreign key below: here so that a constraint can compare the two.
    requester text NOT NULL,
    digest text NOT NULL,
    approver text NOT NULL,
    slack_user text NOT NULL,
    role text NOT NULL,
    verdict text NOT NULL CHECK (verdict IN ('approved', 'denied')),
    reason text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    FOREIGN KEY (run, requester) REFERENCES runs (id, requester),
    CONSTRAINT self_approval CHECK (approver <> requester),
    CONSTRAINT decided_before UNIQUE (run, approver)
);
-- A denial is never kept out because its role has approved.
CREATE UNIQUE INDEX role_filled ON approvals (run, role) WHERE verdict = 'approved';
CREATE UNIQUE INDEX already_denied ON approvals (run) WHERE verdict = 'denied';

CREATE FUNCTION check_decision() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    subject runs;
BEGIN
    -- Locked, so that a decision and a move of the run cannot pass each other.
    SELECT * INTO subject FROM runs WHERE id = NEW.run FOR NO KEY UPDATE;
    IF subject.state <> 'requested' THEN
        RAISE check_violation USING MESSAGE = 'the run no longer waits', CONSTRAINT = 'not_waiting';
    ELSIF subject.digest <> NEW.digest THEN
        RAISE check_violation USING MESSAGE = 'the digest is stale', CONSTRAINT = 'stale_digest';
    ELSIF EXISTS (SELECT FROM approvals WHERE run = NEW.run AND verdict = 'denied') THEN
        RAISE check_violation USING MESSAGE = 'the run was denied', CONSTRAINT = 'already_denied';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_decision BEFORE INSERT ON approvals FOR EACH ROW EXECUTE FUNCTION check_decision();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON approvals
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
