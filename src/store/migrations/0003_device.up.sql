-- Devices that wait for a person (RFC 8628). `user_code` is a keyed digest of what is typed; `grant_id` the grant that came of it.
CREATE TABLE device (
    id VARCHAR(40) PRIMARY KEY,
    user_code VARCHAR(64) NOT NULL,
    state SMALLINT NOT NULL,
    client_id VARCHAR(255) NOT NULL,
    client_birth BIGINT NOT NULL,
    grant_id VARCHAR(40) NOT NULL,
    requested_at BIGINT NOT NULL,
    polled_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    request TEXT NOT NULL
);
CREATE UNIQUE INDEX device_user_code ON device (user_code);
CREATE INDEX device_expiry ON device (expires_at);
