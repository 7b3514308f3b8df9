-- What a request's card shows besides the plan, and until when the request may wait.

ALTER TABLE runs ADD COLUMN card json NOT NULL DEFAULT '{}';
ALTER TABLE runs ADD COLUMN expires_at timestamptz;
