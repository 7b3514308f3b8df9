-- Rows that follow from a seed alone: %(seed)s is a bigint, the other parameters are numbers of rows.
-- Choices are hashes of (row, seed) and not random(), so that two runs agree whatever the plan was.
CREATE FUNCTION pg_temp.pick(i bigint, salt bigint, choices int) RETURNS int
    LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN mod(hashint8extended(i, salt) & 9223372036854775807, choices)::int;

INSERT INTO profiles (id, wallet_address, profile_id, name, bio, avatar_url, metadata, created_at, updated_at,
                      block_number, transaction_hash)
SELECT md5('profile' || %(seed)s || i)::uuid, '0x' || md5('wallet' || %(seed)s || i) || lpad(to_hex(i), 8, '0'), i,
       (ARRAY['Aiko','José','Zoë','Łukasz','नेहा','محمد','李雷','Olga'])[1 + pg_temp.pick(i, 1 + %(seed)s, 8)] || ' ' || i,
       CASE WHEN pg_temp.pick(i, 2 + %(seed)s, 5) > 0
            THEN (ARRAY['Rust & PostgreSQL','デザイン 🎨','line one' || chr(10) || 'line two','Tab' || chr(9) || 'and \ backslash',
                        'Solidity, ''quoted'' "twice"'])[1 + pg_temp.pick(i, 3 + %(seed)s, 5)] END,
       CASE WHEN pg_temp.pick(i, 4 + %(seed)s, 3) = 0 THEN 'https://images.takumi.example/' || i || '.png' END,
       jsonb_build_object('locale', (ARRAY['en','ja','pt','pl'])[1 + pg_temp.pick(i, 5 + %(seed)s, 4)], 'level', i %% 7),
       timestamptz '2023-01-01 00:00+00' + i * interval '7 minutes',
       timestamptz '2023-06-01 00:00+00' + i * interval '8 minutes',
       40000000 + i * 3, '0x' || md5('tx-a' || %(seed)s || i) || md5('tx-b' || %(seed)s || i)
FROM generate_series(1, %(profiles)s::bigint) i;

INSERT INTO skills (id, profile_id, skill_id, skill_name, category, description, evidence_url, metadata, is_verified,
                    verified_at, verified_by, created_at)
SELECT md5('skill' || %(seed)s || i)::uuid, 1 + pg_temp.pick(i, 6 + %(seed)s, %(profiles)s::int), i,
       (ARRAY['PostgreSQL','Solidity','Rust','TypeScript','写真','Cerâmica','Go','Figma'])[1 + kind],
       (ARRAY['data','chain','systems','web','art','craft','systems','design'])[1 + kind],
       CASE WHEN kind %% 2 = 0 THEN 'Practised for ' || i %% 20 || ' years' END,
       CASE WHEN is_verified THEN 'ipfs://' || md5('evidence' || %(seed)s || i) END,
       CASE WHEN kind = 3 THEN jsonb_build_object('tags', jsonb_build_array('a', i %% 5), 'score', i / 8.0) ELSE '{}' END,
       is_verified,
       CASE WHEN is_verified THEN timestamptz '2024-01-01 00:00+00' + i * interval '3 minutes' END,
       CASE WHEN is_verified THEN '0x' || md5('verifier' || i %% 12) || '00000000' END,
       timestamptz '2023-02-01 00:00+00' + i * interval '2 minutes'
FROM (SELECT i, pg_temp.pick(i, 7 + %(seed)s, 8) AS kind, pg_temp.pick(i, 8 + %(seed)s, 3) = 0 AS is_verified
      FROM generate_series(1, %(skills)s::bigint) i) s;

INSERT INTO endorsements (id, endorsement_id, skill_id, endorser_address, endorser_profile_id, rating, comment, created_at)
SELECT md5('endorsement' || %(seed)s || i)::uuid, i, 1 + pg_temp.pick(i, 9 + %(seed)s, %(skills)s::int),
       '0x' || md5('wallet' || %(seed)s || endorser) || lpad(to_hex(endorser), 8, '0'),
       CASE WHEN i %% 10 > 0 THEN endorser END,
       1 + pg_temp.pick(i, 11 + %(seed)s, 5),
       CASE WHEN i %% 4 = 0 THEN (ARRAY['すばらしい','Great work','', 'would hire again 👍'])[1 + i / 4 %% 4] END,
       timestamptz '2024-02-01 00:00+00' + i * interval '1 minute'
FROM (SELECT i, 1 + pg_temp.pick(i, 10 + %(seed)s, %(profiles)s::int) AS endorser
      FROM generate_series(1, %(endorsements)s::bigint) i) s;

INSERT INTO users (id, wallet_address, email, role, is_active, last_login_at, created_at)
SELECT md5('user' || %(seed)s || i)::uuid, '0x' || md5('wallet' || %(seed)s || i) || lpad(to_hex(i), 8, '0'),
       CASE WHEN i %% 3 > 0 THEN 'user' || i || '@takumi.example' END,
       CASE WHEN i <= 3 THEN 'admin' WHEN i <= 15 THEN 'verifier' ELSE 'user' END, i %% 17 > 0,
       CASE WHEN i %% 5 > 0 THEN timestamptz '2026-01-01 00:00+00' + i * interval '1 hour' END,
       timestamptz '2023-01-01 00:00+00' + i * interval '5 hours'
FROM generate_series(1, least(%(profiles)s, %(few)s)::bigint) i;

INSERT INTO verification_requests (id, skill_id, requester_address, verifier_address, status, evidence, notes,
                                   requested_at, resolved_at)
SELECT md5('request' || %(seed)s || i)::uuid, 1 + pg_temp.pick(i, 12 + %(seed)s, %(skills)s::int),
       '0x' || md5('requester' || i) || '00000000', CASE WHEN kind > 0 THEN '0x' || md5('verifier' || i %% 12) || '00000000' END,
       (ARRAY['pending','approved','rejected','expired'])[1 + kind],
       jsonb_build_object('documents', i %% 4, 'url', 'ipfs://' || md5('document' || i)),
       CASE WHEN kind = 2 THEN 'Not enough evidence — please add a link.' END,
       timestamptz '2026-06-01 00:00+00' + i * interval '40 minutes',
       CASE WHEN kind > 0 THEN timestamptz '2026-06-02 00:00+00' + i * interval '45 minutes' END
FROM (SELECT i, pg_temp.pick(i, 13 + %(seed)s, 4) AS kind FROM generate_series(1, %(few)s::bigint) i) s;

INSERT INTO notifications (user_id, kind, title, body, data, is_read, created_at)
SELECT md5('user' || %(seed)s || (1 + pg_temp.pick(i, 14 + %(seed)s, least(%(profiles)s, %(few)s)::int)))::uuid,
       (ARRAY['endorsement','verification','system'])[1 + (i %% 3)], 'Notice ' || i,
       CASE WHEN i %% 6 > 0 THEN 'Your skill was endorsed ✨' END,
       CASE WHEN i %% 2 = 0 THEN jsonb_build_object('skill', i) END, i %% 4 > 0,
       timestamptz '2026-09-01 00:00+00' + i * interval '15 minutes'
FROM generate_series(1, %(few)s::bigint) i;

INSERT INTO api_keys (id, user_id, name, key_hash, scopes, last_used_at, expires_at, created_at)
SELECT md5('key' || %(seed)s || i)::uuid, md5('user' || %(seed)s || i)::uuid, 'key ' || i,
       sha256(convert_to('secret' || %(seed)s || i, 'UTF8')), CASE WHEN i %% 2 = 0 THEN ARRAY['read', 'write'] ELSE '{read}' END,
       CASE WHEN i %% 3 = 0 THEN timestamptz '2026-11-01 00:00+00' + i * interval '1 hour' END,
       CASE WHEN i %% 5 = 0 THEN timestamptz '2027-11-01 00:00+00' + i * interval '1 day' END,
       timestamptz '2025-01-01 00:00+00' + i * interval '9 hours'
FROM generate_series(1, least(%(profiles)s, %(few)s / 10)::bigint) i;

INSERT INTO blockchain_events (event_name, contract_address, transaction_hash, log_index, block_number, block_timestamp,
                               event_data, processed, created_at)
SELECT (ARRAY['ProfileCreated','SkillClaimed','SkillEndorsed'])[1 + (i %% 3)], '0x' || md5('contract' || i %% 3) || '00000000',
       '0x' || md5('event-a' || %(seed)s || i / 2) || md5('event-b' || %(seed)s || i / 2), (i %% 2)::int, 40000000 + i,
       timestamptz '2026-01-01 00:00+00' + i * interval '2 seconds',
       jsonb_build_object('index', i, 'actor', '0x' || md5('wallet' || %(seed)s || i)), i %% 50 > 0,
       timestamptz '2026-01-01 00:00+00' + i * interval '3 seconds'
FROM generate_series(1, %(few)s::bigint) i;

INSERT INTO indexer_state (contract_address, last_indexed_block, last_indexed_at, is_syncing, error_count, last_error)
SELECT '0x' || md5('contract' || i) || '00000000', 40000000 + %(few)s, timestamptz '2026-11-24 00:00+00', i = 0, i,
       CASE WHEN i = 2 THEN 'eth_getLogs: 429 Too Many Requests' END
FROM generate_series(0, 2) i;

SELECT setval(pg_get_serial_sequence('profiles', 'profile_id'), %(profiles)s::bigint);
SELECT setval(pg_get_serial_sequence('skills', 'skill_id'), %(skills)s::bigint);
SELECT setval(pg_get_serial_sequence('endorsements', 'endorsement_id'), %(endorsements)s::bigint);
