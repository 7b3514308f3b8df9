-- A storm: groups that share one message. It is numbered by the newest group there was before it; 0 is none.

ALTER TABLE alert_groups ADD COLUMN storm integer NOT NULL DEFAULT 0;
CREATE INDEX alert_groups_storm ON alert_groups (storm) WHERE storm > 0;
