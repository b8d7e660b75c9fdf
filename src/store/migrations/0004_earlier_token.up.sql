-- Tokens that were given out before a take-over: the digest of such a token's signature leads to what stands in its place, sealed.
CREATE TABLE earlier_token (
    digest VARCHAR(96) PRIMARY KEY,
    expires_at BIGINT NOT NULL,
    token TEXT NOT NULL
);
CREATE INDEX earlier_token_expiry ON earlier_token (expires_at);
