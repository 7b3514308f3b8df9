-- Until when a message's changes are in what was last drawn of it: an update that was lost is found and drawn again.

ALTER TABLE messages ADD COLUMN claimed_at timestamptz NOT NULL DEFAULT 'epoch';
ALTER TABLE messages ADD COLUMN shown_at timestamptz NOT NULL DEFAULT 'epoch';
UPDATE messages SET shown_at = clock_timestamp() WHERE ts <> '';
DROP INDEX messages_undrawn;
CREATE INDEX messages_undrawn ON messages (wanted_at) WHERE shown_at < wanted_at;
