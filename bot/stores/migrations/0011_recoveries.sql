-- How long each component took to come back: measured by proofs, restores, redeployments and drills.

CREATE TABLE recoveries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    component text NOT NULL,
    took interval NOT NULL,
    how text NOT NULL,
    run text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX recoveries_newest ON recoveries (component, at DESC);
