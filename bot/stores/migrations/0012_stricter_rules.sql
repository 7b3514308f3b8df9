-- What can make a request's approvals stricter than its environment and its incident would: never weaker.

-- Production's rules hold for it, whatever its environment.
ALTER TABLE runs ADD COLUMN as_production boolean NOT NULL DEFAULT false;
-- The runbook's own: the matrix's role is that of the more urgent of the two. P3 eases nothing that waits already.
ALTER TABLE runs ADD COLUMN own_severity text NOT NULL DEFAULT 'P3' CHECK (own_severity IN ('P0', 'P1', 'P2', 'P3'));

CREATE OR REPLACE FUNCTION check_decision() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    subject runs;
BEGIN
    -- Locked, so that a decision and a move of the run cannot pass each other.
    SELECT * INTO subject FROM runs WHERE id = NEW.run FOR NO KEY UPDATE;
    IF subject.state <> 'requested' THEN
        RAISE check_violation USING MESSAGE = 'the run no longer waits', CONSTRAINT = 'not_waiting';
    ELSIF subject.expires_at <= clock_timestamp() THEN
        RAISE check_violation USING MESSAGE = 'the run has expired', CONSTRAINT = 'expired';
    ELSIF subject.digest <> NEW.digest THEN
        RAISE check_violation USING MESSAGE = 'the digest is stale', CONSTRAINT = 'stale_digest';
    ELSIF EXISTS (SELECT FROM approvals WHERE run = NEW.run AND verdict = 'denied') THEN
        RAISE check_violation USING MESSAGE = 'the run was denied', CONSTRAINT = 'already_denied';
    ELSIF NEW.verdict = 'approved' AND NEW.proof = '' AND subject.risk = 'destructive'
          AND (subject.environment = 'production' OR subject.as_production) THEN
        RAISE check_violation USING MESSAGE = 'the approver is not proven', CONSTRAINT = 'unproven';
    END IF;
    RETURN NEW;
END $$;
