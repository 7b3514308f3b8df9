-- What the running bot may do; applied after every migration, so that it always covers the whole schema.
-- It deletes nothing, alters nothing, rewrites no request, and ends no claim but by ending the run.

GRANT USAGE ON SCHEMA public TO :runtime_role;
GRANT SELECT ON schema_migrations, schema_scripts TO :runtime_role;
GRANT SELECT, INSERT ON inbox, runs, run_steps, leases, run_claims, backups, backup_findings, messages,
    schedule_firings, approvals, calls, incidents, freezes, reviews,
    factors, factor_vouchers, proof_attempts, codes_used, challenges, alert_groups, alerts, alert_events,
    recoveries, health_turns, health_tallies TO :runtime_role;
GRANT UPDATE (worked_at, note, attempts, owner, claimed_until) ON inbox TO :runtime_role;
GRANT UPDATE (state, started_at, finished_at, failure, hint, cancel_asked_by, card) ON runs TO :runtime_role;
GRANT UPDATE (state, attempt, note, data, started_at, finished_at) ON run_steps TO :runtime_role;
GRANT UPDATE (token, owner, until) ON leases TO :runtime_role;
GRANT UPDATE (verdict, expires_at, bucket, object_key, rows, retention, proven_at, proven_on, restore_took,
    compare_took) ON backups TO :runtime_role;
GRANT UPDATE (ts, drawn, posting, attempts, owner, claimed_at, claimed_until, wanted_at, shown_at) ON messages
    TO :runtime_role;
GRANT UPDATE (made_at, users) ON calls TO :runtime_role;
GRANT UPDATE (resolved_by, resolved_at) ON incidents TO :runtime_role;
GRANT UPDATE (lifted_by, lifted_at) ON freezes TO :runtime_role;
GRANT UPDATE (done_at, done_by, note) ON reviews TO :runtime_role;
GRANT UPDATE (shown_at, by_old, retired_at) ON factors TO :runtime_role;
GRANT UPDATE (used_at) ON challenges TO :runtime_role;
GRANT UPDATE (at) ON health_turns TO :runtime_role;
GRANT UPDATE (bad, well, since, alert) ON health_tallies TO :runtime_role;
-- Its source and key change when a sender tells of what the bot saw itself: both share one message.
GRANT UPDATE (source, key) ON alert_groups TO :runtime_role;
GRANT UPDATE (severity, title, labels, annotations, link, status, resolved_at, acknowledged_by, acknowledged_slack,
    acknowledged_at, silence, silenced_until, incident, flaps, clock) ON alert_groups TO :runtime_role;
GRANT UPDATE (status, starts_at, ends_at, labels, annotations, link, changes) ON alerts TO :runtime_role;

GRANT SELECT ON audit_entries, audit_heads, audit_anchors, audit_keys, audit_sequencing, audit_names, audit_retired
    TO :runtime_role;
-- Its time, its id and its place in the chain are not the writer's to say.
GRANT INSERT (body, writer, number, signature) ON audit_entries TO :runtime_role;
GRANT USAGE ON SEQUENCE audit_entries_id_seq TO :runtime_role;
GRANT INSERT (key, use) ON audit_keys TO :runtime_role;
GRANT UPDATE (anchor_wanted_at) ON audit_sequencing TO :runtime_role;
GRANT INSERT (principal, name), UPDATE (name, seen_at, erased_at) ON audit_names TO :runtime_role;
