-- What becomes of a backup after it was made: proofs, checks, copies elsewhere, and its end.

ALTER TABLE backups
    -- Unknown while nobody has counted the rows of a file that the bot did not make.
    ALTER COLUMN rows DROP NOT NULL,
    ADD COLUMN retention text NOT NULL DEFAULT 'kept' CHECK (retention IN ('kept', 'aside', 'locked', 'deleted')),
    -- The latest proof: when, on which server, and how long the restore and the comparison took.
    ADD COLUMN proven_at timestamptz,
    ADD COLUMN proven_on text NOT NULL DEFAULT '',
    ADD COLUMN restore_took interval,
    ADD COLUMN compare_took interval;
CREATE INDEX backups_file ON backups (file);

-- Verdicts as they were settled; the newest of an aspect is the one that holds.
CREATE TABLE backup_findings (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    backup text NOT NULL REFERENCES backups,
    aspect text NOT NULL CHECK (aspect IN ('backup', 'verification', 'offsite copy', 'retention')),
    verdict text NOT NULL CHECK (verdict <> ''),
    how text NOT NULL,
    run text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX backup_findings_backup ON backup_findings (backup, id);
