-- What the retention's role may do: drop months that are anchored, and read what that needs.

GRANT USAGE ON SCHEMA public TO :role;
GRANT SELECT ON audit_heads, audit_anchors, audit_retired TO :role;
GRANT EXECUTE ON FUNCTION retire_audit_partition TO :role;
