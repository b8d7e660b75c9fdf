DROP TABLE trusted_issuer;
