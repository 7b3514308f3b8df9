-- Chaining touches every entry once more: what each of these updates has to pay is made small.

-- A row trigger before the update would have every derived column computed again; a condition after it costs a look.
DROP TRIGGER chain_once ON audit_entries;
DROP FUNCTION chain_once();
CREATE FUNCTION refuse_rechaining() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit_entries only grows: an entry is chained once, by %, and nothing else of it changes',
        audit_sequencer() USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER chain_once AFTER UPDATE ON audit_entries FOR EACH ROW WHEN (
    current_user <> audit_sequencer() OR OLD.position IS NOT NULL
    OR NEW.position IS NULL OR NEW.previous IS NULL OR NEW.hash IS NULL
    OR NEW.id <> OLD.id OR NEW.at <> OLD.at OR NEW.body <> OLD.body
    OR NEW.writer <> OLD.writer OR NEW.number <> OLD.number OR NEW.signature <> OLD.signature
) EXECUTE FUNCTION refuse_rechaining();

-- Times follow the order of the table: a small index of ranges serves, and updates hardly touch it.
DROP INDEX audit_entries_at;
CREATE INDEX audit_entries_at ON audit_entries USING brin (at) WITH (pages_per_range = 16);
