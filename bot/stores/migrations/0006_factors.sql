-- Proof beyond the chat session: one-time codes and wallets, each proof good once.

CREATE TABLE factors (
    id text PRIMARY KEY,
    principal text NOT NULL CHECK (principal <> ''),
    kind text NOT NULL CHECK (kind IN ('code', 'wallet')),
    -- Of a code: encrypted under a key that is not in this database. Of a wallet: its address.
    secret text NOT NULL,
    challenge text NOT NULL DEFAULT '',
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- When its owner showed that they have it.
    shown_at timestamptz,
    -- Whether the factor before it spoke for it; else two others do, and it waits.
    by_old boolean NOT NULL DEFAULT false,
    retired_at timestamptz
);
CREATE INDEX factors_principal ON factors (principal, made_at) WHERE retired_at IS NULL;

CREATE TABLE factor_vouchers (
    factor text NOT NULL REFERENCES factors,
    voucher text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (factor, voucher)
);
CREATE FUNCTION check_voucher() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.voucher = (SELECT principal FROM factors WHERE id = NEW.factor) THEN
        RAISE check_violation USING MESSAGE = 'nobody vouches for themselves', CONSTRAINT = 'self_voucher';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_voucher BEFORE INSERT ON factor_vouchers FOR EACH ROW EXECUTE FUNCTION check_voucher();

-- Every try counts, whatever becomes of it.
CREATE TABLE proof_attempts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    principal text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX proof_attempts_recent ON proof_attempts (principal, at);

-- A code is good once: by person and time step, whichever of their factors made it.
CREATE TABLE codes_used (
    principal text NOT NULL,
    step bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (principal, step)
);

-- What a wallet is asked to sign; used once.
CREATE TABLE challenges (
    run text NOT NULL REFERENCES runs,
    approver text NOT NULL,
    nonce text NOT NULL,
    role text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    used_at timestamptz,
    PRIMARY KEY (run, approver, nonce)
);

-- How the approver was proven to be who they are, beyond their Slack session; empty for nothing.
ALTER TABLE approvals ADD COLUMN proof text NOT NULL DEFAULT '';
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
          AND subject.environment = 'production' THEN
        RAISE check_violation USING MESSAGE = 'the approver is not proven', CONSTRAINT = 'unproven';
    END IF;
    RETURN NEW;
END $$;
