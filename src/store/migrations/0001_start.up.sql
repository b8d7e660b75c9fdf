-- Times are microseconds since 1970 UTC, booleans 0 or 1, texts UTF-8 and never NULL. Long texts stand last.

CREATE TABLE counter (
    name VARCHAR(32) PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO counter (name, value) VALUES ('client', 0), ('keys', 0);

-- `birth` is the version the client was made with: what belongs to a client carries it, so that a client made again under the
-- same id inherits nothing.
CREATE TABLE client (
    id VARCHAR(255) PRIMARY KEY,
    birth BIGINT NOT NULL,
    version BIGINT NOT NULL,
    registration BIGINT NOT NULL,
    not_before BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    name VARCHAR(1024) NOT NULL,
    owner VARCHAR(1024) NOT NULL,
    secret_hash TEXT NOT NULL,
    rotated TEXT NOT NULL,
    doc TEXT NOT NULL
);
CREATE INDEX client_name ON client (name, id);
CREATE INDEX client_owner ON client (owner, id);

-- Who may call from a browser, for preflight requests, which do not say which client they are for. `wild`: the origin has a `*`.
CREATE TABLE client_origin (
    origin VARCHAR(400) NOT NULL,
    client_id VARCHAR(255) NOT NULL,
    wild SMALLINT NOT NULL,
    PRIMARY KEY (origin, client_id)
);
CREATE INDEX client_origin_client ON client_origin (client_id);
CREATE INDEX client_origin_wild ON client_origin (wild, origin);

-- Deleted clients whose grants and aliases are still to be removed.
CREATE TABLE client_orphan (
    client_id VARCHAR(255) NOT NULL,
    birth BIGINT NOT NULL,
    PRIMARY KEY (client_id, birth)
);

CREATE TABLE mark (
    kind SMALLINT NOT NULL,
    id VARCHAR(255) NOT NULL,
    value BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE INDEX mark_expiry ON mark (expires_at);

CREATE TABLE jwk (
    set_name VARCHAR(255) NOT NULL,
    kid VARCHAR(255) NOT NULL,
    seq BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    signs_from BIGINT NOT NULL,
    sealed TEXT NOT NULL,
    PRIMARY KEY (set_name, kid)
);

CREATE TABLE login_session (
    id VARCHAR(40) PRIMARY KEY,
    subject VARCHAR(255) NOT NULL,
    remember SMALLINT NOT NULL,
    authenticated_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    idp_session_id TEXT NOT NULL
);
CREATE INDEX login_session_subject ON login_session (subject);
CREATE INDEX login_session_expiry ON login_session (expires_at);

CREATE TABLE oauth_grant (
    id VARCHAR(40) PRIMARY KEY,
    state SMALLINT NOT NULL,
    generation BIGINT NOT NULL,
    client_id VARCHAR(255) NOT NULL,
    client_birth BIGINT NOT NULL,
    subject VARCHAR(255) NOT NULL,
    session_id VARCHAR(40) NOT NULL,
    remember SMALLINT NOT NULL,
    skipped SMALLINT NOT NULL,
    counts SMALLINT NOT NULL,
    consent_until BIGINT NOT NULL,
    requested_at BIGINT NOT NULL,
    handled_at BIGINT NOT NULL,
    rotated_at BIGINT NOT NULL,
    reuses BIGINT NOT NULL,
    access_not_before BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    session TEXT NOT NULL,
    request TEXT NOT NULL
);
CREATE INDEX oauth_grant_client ON oauth_grant (client_id, client_birth, subject, counts, remember, requested_at, id);
CREATE INDEX oauth_grant_subject ON oauth_grant (subject, counts, requested_at, id);
CREATE INDEX oauth_grant_session ON oauth_grant (session_id, subject, counts, requested_at, id);
CREATE INDEX oauth_grant_expiry ON oauth_grant (expires_at);

CREATE TABLE alias (
    client_id VARCHAR(255) NOT NULL,
    client_birth BIGINT NOT NULL,
    subject VARCHAR(255) NOT NULL,
    alias TEXT NOT NULL,
    PRIMARY KEY (client_id, client_birth, subject)
);

CREATE TABLE delivery (
    id VARCHAR(64) PRIMARY KEY,
    attempts BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    url TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX delivery_due ON delivery (due_at);
CREATE INDEX delivery_expiry ON delivery (expires_at);
