-- What the sequencer's role may do: read the trail, give each entry its place once, sign heads, note anchors.

GRANT USAGE ON SCHEMA public TO :role;
GRANT SELECT ON audit_entries, audit_heads, audit_anchors, audit_keys, audit_sequencing, audit_retired TO :role;
GRANT UPDATE (position, previous, hash) ON audit_entries TO :role;
GRANT INSERT (body, signature) ON audit_heads TO :role;
GRANT INSERT (last_batch, object) ON audit_anchors TO :role;
GRANT INSERT (key, use) ON audit_keys TO :role;
GRANT UPDATE (owner, token, until, anchor_trouble) ON audit_sequencing TO :role;
GRANT EXECUTE ON FUNCTION make_audit_partition TO :role;
CREATE OR REPLACE FUNCTION audit_sequencer() RETURNS name LANGUAGE sql IMMUTABLE AS $$ SELECT :'role'::name $$;
