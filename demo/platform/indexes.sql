-- Keys, foreign keys and indexes, built once over the finished data.
ALTER TABLE profiles ADD PRIMARY KEY (id), ADD UNIQUE (wallet_address), ADD UNIQUE (profile_id);
ALTER TABLE skills ADD PRIMARY KEY (id), ADD UNIQUE (skill_id),
    ADD FOREIGN KEY (profile_id) REFERENCES profiles (profile_id) ON DELETE CASCADE;
ALTER TABLE endorsements ADD PRIMARY KEY (id), ADD UNIQUE (endorsement_id),
    ADD FOREIGN KEY (skill_id) REFERENCES skills (skill_id) ON DELETE CASCADE,
    ADD FOREIGN KEY (endorser_profile_id) REFERENCES profiles (profile_id) ON DELETE SET NULL;
ALTER TABLE indexer_state ADD PRIMARY KEY (id), ADD UNIQUE (contract_address);
ALTER TABLE blockchain_events ADD PRIMARY KEY (id), ADD UNIQUE (transaction_hash, log_index);
ALTER TABLE users ADD PRIMARY KEY (id), ADD UNIQUE (wallet_address), ADD UNIQUE (email);
ALTER TABLE verification_requests ADD PRIMARY KEY (id),
    ADD FOREIGN KEY (skill_id) REFERENCES skills (skill_id) ON DELETE CASCADE;
ALTER TABLE notifications ADD PRIMARY KEY (id), ADD FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE;
ALTER TABLE api_keys ADD PRIMARY KEY (id), ADD UNIQUE (key_hash),
    ADD FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE;
CREATE INDEX idx_skills_profile_id ON skills (profile_id);
CREATE INDEX idx_skills_category ON skills (category);
CREATE INDEX idx_endorsements_skill_id ON endorsements (skill_id);
CREATE INDEX idx_blockchain_events_block_number ON blockchain_events (block_number);
CREATE INDEX idx_verification_requests_pending ON verification_requests (requested_at) WHERE status = 'pending';
CREATE INDEX idx_notifications_unread ON notifications (user_id) WHERE NOT is_read;
