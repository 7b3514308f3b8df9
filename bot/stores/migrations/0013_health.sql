-- How often in a row each component was seen bad or well, and who looked last: shared by replicas, kept over restarts.

CREATE TABLE health_turns (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE health_tallies (
    component text PRIMARY KEY,
    bad integer NOT NULL CHECK (bad >= 0),
    well integer NOT NULL CHECK (well >= 0),
    since timestamptz,
    alert integer NOT NULL
);
