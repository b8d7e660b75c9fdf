-- Who may make assertions for the jwt-bearer grant. The key stands in the set that is named like the issuer.
CREATE TABLE trusted_issuer (
    id VARCHAR(40) PRIMARY KEY,
    issuer VARCHAR(255) NOT NULL,
    subject VARCHAR(255) NOT NULL,
    any_subject SMALLINT NOT NULL,
    kid VARCHAR(255) NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    scopes TEXT NOT NULL
);
CREATE UNIQUE INDEX trusted_issuer_subject ON trusted_issuer (issuer, subject, kid);
CREATE INDEX trusted_issuer_list ON trusted_issuer (issuer, id);
