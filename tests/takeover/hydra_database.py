"""A small SQLite database in Ory Hydra's form, made from nothing: what it would have stored for clients, keys, sessions and tokens.

    db = HydraDatabase(path, SECRET)            # the present form; v1=True: that of v1.10.3
    db.client("web", secret="web-secret")
    family = db.consent("web", "alice")         # a used code, an access and a refresh token
    family.access, family.refresh, family.code  # what the client holds

Only the columns that matter are there. Every secret is made up.
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
import sqlite3
import time
import uuid

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SECRET = "a-hydra-secret-for-the-tests-only"
NETWORK = "52e1559b-fe1e-4f29-89be-729234369205"
CURRENT, V1 = "20260420120000000001", "20201116133000000000"
TEXTS = ("client_name owner policy_uri tos_uri client_uri logo_uri sector_identifier_uri jwks_uri frontchannel_logout_uri "
         "backchannel_logout_uri token_endpoint_auth_signing_alg request_object_signing_alg").split()
LISTS = "contacts request_uris allowed_cors_origins post_logout_redirect_uris".split()
SPANS = [f"{name}_token_lifespan" for name in
         ("authorization_code_grant_access authorization_code_grant_id authorization_code_grant_refresh client_credentials_grant_access "
          "implicit_grant_access implicit_grant_id jwt_bearer_grant_access refresh_token_grant_access refresh_token_grant_id "
          "refresh_token_grant_refresh device_authorization_grant_access device_authorization_grant_id "
          "device_authorization_grant_refresh").split()]


def b64u(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def moment(seconds):
    """As Go writes a time into SQLite."""
    whole = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(int(seconds)))
    fraction = f"{seconds % 1:.6f}"[1:].rstrip("0").rstrip(".")
    return f"{whole}{fraction}+00:00"


def rfc3339(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds)) if seconds else "0001-01-01T00:00:00Z"


class Family:
    """What one consent brought."""

    def __init__(self, challenge):
        self.id, self.access, self.refresh, self.code, self.used_refresh, self.verifier = challenge, None, None, None, [], None


class HydraDatabase:
    def __init__(self, path, secret=SECRET, v1=False, version=None):
        self.path, self.v1, self.now = str(path), v1, time.time()
        self.key = hashlib.sha256(secret.encode()).digest()
        self.db = sqlite3.connect(self.path, isolation_level=None)
        self.tables()
        self.db.execute("INSERT INTO schema_migration VALUES (?, 0)", (version or (V1 if v1 else CURRENT),))

    @property
    def dsn(self):
        return "sqlite://" + self.path

    # ---- the schema ----

    def table(self, name, columns, key=None):
        nid = "" if self.v1 or name == "schema_migration" else ", nid CHAR(36) NOT NULL DEFAULT '" + NETWORK + "'"
        self.db.execute(f"CREATE TABLE {name} ({columns}{nid}{', PRIMARY KEY (' + key + ')' if key else ''})")

    def tables(self):
        texts = ", ".join(f"{name} TEXT NOT NULL DEFAULT ''" for name in TEXTS)
        lists = ", ".join(f"{name} TEXT NOT NULL DEFAULT '{'' if self.v1 else '[]'}'" for name in LISTS)
        client = ("id VARCHAR(255) NOT NULL, client_secret TEXT NOT NULL, redirect_uris TEXT NOT NULL, grant_types TEXT NOT NULL, "
                  "response_types TEXT NOT NULL, scope TEXT NOT NULL, audience TEXT NOT NULL, subject_type VARCHAR(15) NOT NULL, "
                  "jwks TEXT NOT NULL DEFAULT '{}', metadata TEXT NOT NULL DEFAULT '{}', token_endpoint_auth_method VARCHAR(25) NOT NULL, "
                  "userinfo_signed_response_alg VARCHAR(10) NOT NULL DEFAULT 'none', frontchannel_logout_session_required INTEGER DEFAULT 0, "
                  f"backchannel_logout_session_required INTEGER DEFAULT 0, created_at TIMESTAMP, updated_at TIMESTAMP, {texts}, {lists}")
        if not self.v1:
            client += (", rotated_secrets JSONB, registration_access_token_signature VARCHAR(128) NOT NULL DEFAULT '', "
                       "access_token_strategy VARCHAR(10) NOT NULL DEFAULT '', skip_consent INTEGER DEFAULT 0, skip_logout_consent BOOLEAN, "
                       + ", ".join(f"{name} BIGINT" for name in SPANS))
        token = ("signature VARCHAR(255) NOT NULL, request_id VARCHAR(40) NOT NULL, requested_at TIMESTAMP NOT NULL, client_id VARCHAR(255) "
                 "NOT NULL, scope TEXT NOT NULL, granted_scope TEXT NOT NULL, form_data TEXT NOT NULL, session_data TEXT NOT NULL, subject "
                 "VARCHAR(255) NOT NULL, active INTEGER NOT NULL, granted_audience TEXT DEFAULT '', challenge_id VARCHAR(40)")
        self.table("schema_migration", "version VARCHAR(48) NOT NULL, version_self INT NOT NULL DEFAULT 0")
        self.table("hydra_client", client)
        self.table("hydra_jwk", "sid VARCHAR(255), kid VARCHAR(255), keydata TEXT, created_at TIMESTAMP")
        self.table("hydra_oauth2_access", token, "signature")
        used = "" if self.v1 else ", first_used_at TIMESTAMP"
        self.table("hydra_oauth2_refresh", token + used, "signature")
        for name in ("code", "oidc", "pkce"):
            self.table(f"hydra_oauth2_{name}", token)
        for name in ("access", "refresh", "code", "pkce"):
            self.db.execute(f"CREATE INDEX {name}_challenge ON hydra_oauth2_{name} (challenge_id)")
        more = "" if self.v1 else ", identity_provider_session_id VARCHAR(40), expires_at TIMESTAMP"
        self.table("hydra_oauth2_authentication_session",
                   "id VARCHAR(40) NOT NULL, authenticated_at TIMESTAMP, subject VARCHAR(255), remember INTEGER" + more, "id")
        self.table("hydra_oauth2_obfuscated_authentication_session",
                   "subject VARCHAR(255), client_id VARCHAR(255), subject_obfuscated VARCHAR(255)")
        self.table("hydra_oauth2_jti_blacklist", "signature VARCHAR(64), expires_at TIMESTAMP")
        (self.tables_v1 if self.v1 else self.tables_current)()

    def tables_current(self):
        self.db.execute("CREATE TABLE networks (id TEXT PRIMARY KEY, created_at DATETIME, updated_at DATETIME)")
        self.db.execute("INSERT INTO networks VALUES (?, '2020-01-01 00:00:00', '2020-01-01 00:00:00')", (NETWORK,))
        self.table("hydra_oauth2_flow",
                   "login_challenge VARCHAR(40) NOT NULL PRIMARY KEY, requested_scope TEXT, subject VARCHAR(255), request_url TEXT, "
                   "client_id VARCHAR(255), requested_at TIMESTAMP, login_session_id VARCHAR(40), acr TEXT, amr TEXT, context TEXT, "
                   "consent_challenge_id VARCHAR(40) UNIQUE, consent_skip INTEGER, granted_scope TEXT, granted_at_audience TEXT, "
                   "consent_remember INTEGER, consent_remember_for INTEGER, consent_handled_at TIMESTAMP, session_id_token TEXT, "
                   "session_access_token TEXT, state INTEGER, consent_error TEXT, login_error TEXT, forced_subject_identifier TEXT, "
                   "login_authenticated_at TIMESTAMP, device_code_request_id TEXT")
        self.table("hydra_oauth2_trusted_jwt_bearer_issuer",
                   "id VARCHAR(36) PRIMARY KEY, issuer TEXT, subject TEXT, allow_any_subject INTEGER, scope TEXT, key_set TEXT, key_id TEXT, "
                   "created_at TIMESTAMP, expires_at TIMESTAMP")
        self.table("hydra_oauth2_device_auth_codes",
                   "device_code_signature TEXT, user_code_signature TEXT, request_id TEXT, requested_at TIMESTAMP, client_id TEXT, "
                   "scope TEXT, requested_audience TEXT, session_data TEXT, device_code_active BOOL, user_code_state SMALLINT, "
                   "challenge_id TEXT, expires_at TIMESTAMP")

    def tables_v1(self):
        self.table("hydra_oauth2_authentication_request", "challenge VARCHAR(40) PRIMARY KEY, login_session_id VARCHAR(40)")
        self.table("hydra_oauth2_authentication_request_handled", "challenge VARCHAR(40) PRIMARY KEY, remember INTEGER, remember_for INTEGER")
        self.table("hydra_oauth2_consent_request",
                   "challenge VARCHAR(40) PRIMARY KEY, client_id VARCHAR(255), subject VARCHAR(255), request_url TEXT, skip INTEGER, "
                   "requested_scope TEXT, authenticated_at TIMESTAMP, requested_at TIMESTAMP, forced_subject_identifier TEXT, "
                   "login_session_id VARCHAR(40), acr TEXT, context TEXT")
        self.table("hydra_oauth2_consent_request_handled",
                   "challenge VARCHAR(40) PRIMARY KEY, granted_scope TEXT, remember INTEGER, remember_for INTEGER, error TEXT, "
                   "session_access_token TEXT, session_id_token TEXT, was_used INTEGER, granted_at_audience TEXT, handled_at TIMESTAMP")

    def insert(self, table, **values):
        names = ", ".join(values)
        self.db.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(values))})", tuple(values.values()))

    # ---- how it seals and signs ----

    def sealed(self, document):
        nonce = os.urandom(12)
        text = document if isinstance(document, str) else json.dumps(document)
        return base64.urlsafe_b64encode(nonce + AESGCM(self.key).encrypt(nonce, text.encode(), None)).decode()

    def token(self, prefix):
        """The token and its signature."""
        head = os.urandom(32)
        mac = hmac.new(self.key, head, "sha512_256").digest()
        return f"{'' if self.v1 else prefix}{b64u(head)}.{b64u(mac)}", b64u(mac)

    def stored(self, signature):
        """How the signature of an access token is kept."""
        return signature if self.v1 else hashlib.sha384(signature.encode()).hexdigest()

    def listed(self, values):
        return "|".join(values) if self.v1 else json.dumps(values)

    # ---- rows ----

    def client(self, client_id, secret="client-secret", redirect_uri="https://app.example/cb", **more):
        salt = os.urandom(16)
        key = hashlib.pbkdf2_hmac("sha256", secret.encode(), salt, 1000)
        plain = [base64.b64encode(part).rstrip(b"=").decode() for part in (salt, key)]
        values = {"id": client_id, "client_secret": f"$pbkdf2-sha256$i=1000,l=32${plain[0]}${plain[1]}",
                  "redirect_uris": self.listed([redirect_uri]), "grant_types": self.listed(["authorization_code", "refresh_token",
                                                                                           "client_credentials"]),
                  "response_types": self.listed(["code"]), "scope": "openid offline read", "audience": self.listed([]),
                  "subject_type": "public", "token_endpoint_auth_method": "client_secret_basic", "created_at": moment(self.now),
                  "updated_at": moment(self.now), **more}
        self.insert("hydra_client", **values)
        return client_id, secret

    def jwk(self, key_set="hydra.openid.id-token", kid=None):
        numbers = ec.generate_private_key(ec.SECP256R1()).private_numbers()
        coordinate = [b64u(n.to_bytes(32, "big")) for n in (numbers.public_numbers.x, numbers.public_numbers.y, numbers.private_value)]
        key = {"use": "sig", "kty": "EC", "crv": "P-256", "alg": "ES256", "kid": kid or str(uuid.uuid4()),
               "x": coordinate[0], "y": coordinate[1], "d": coordinate[2]}
        self.insert("hydra_jwk", sid=key_set, kid=key["kid"], keydata=self.sealed(key), created_at=moment(self.now))
        return key

    def session(self, subject, remember=True, life=86400):
        sid = str(uuid.uuid4())
        more = {} if self.v1 else {"expires_at": moment(self.now + life)}
        self.insert("hydra_oauth2_authentication_session", id=sid, authenticated_at=moment(int(self.now)), subject=subject,
                    remember=int(remember), **more)
        return sid

    def session_data(self, client, subject, sid, nonce, ends):
        if self.v1:
            return {"idToken": {"Claims": {"Subject": subject, "Nonce": nonce, "AuthTime": rfc3339(self.now), "Issuer": "http://x/",
                                           "Extra": {"email": subject + "@example.com", "sid": sid}},
                                "Headers": {"Extra": {}}, "ExpiresAt": ends, "Subject": subject},
                    "extra": {"role": "member"}, "ClientID": client}
        return {"id_token": {"id_token_claims": {"iss": "http://x", "sub": subject, "nonce": nonce, "auth_time": rfc3339(self.now), "acr": "", "amr": ["pwd"],
                                                 "ext": {"email": subject + "@example.com", "sid": sid}},
                             "headers": {"extra": {}}, "expires_at": ends, "subject": subject},
                "extra": {"role": "member"}, "client_id": client}

    def put_token(self, kind, signature, client, subject, data, form="", active=1, challenge=None, at=0.0):
        self.insert(f"hydra_oauth2_{kind}", signature=signature, request_id=challenge or str(uuid.uuid4()), requested_at=moment(self.now + at),
                    client_id=client, scope="openid|offline|read", granted_scope="openid|offline|read", form_data=form,
                    session_data=self.sealed(data).encode(), subject=subject, active=active, challenge_id=challenge)

    def consent(self, client, subject, *, state="tokens", rotations=0, remember=True, life=3600, pkce=None, sid=None):
        """`state`: "tokens" (the code was redeemed), "code" (it was not yet), "none" (only the consent is left)."""
        family = Family(secrets.token_hex(16))
        sid = sid or self.session(subject)
        if self.v1:
            self.insert("hydra_oauth2_consent_request", challenge=family.id, client_id=client, subject=subject, request_url=self.url(client),
                        skip=0, requested_scope="openid|offline|read", requested_at=moment(int(self.now)), login_session_id=sid, context="{}")
            self.insert("hydra_oauth2_consent_request_handled", challenge=family.id, granted_scope="openid|offline|read",
                        remember=int(remember), remember_for=0, error="{}", session_access_token='{"role":"member"}',
                        session_id_token='{"email":"x"}', was_used=1, granted_at_audience="", handled_at=moment(self.now))
        else:
            self.insert("hydra_oauth2_flow", login_challenge=secrets.token_hex(16), consent_challenge_id=family.id, client_id=client,
                        subject=subject, request_url=self.url(client), requested_scope=self.listed(["openid", "offline", "read"]),
                        granted_scope=self.listed(["openid", "offline", "read"]), granted_at_audience="[]", login_session_id=sid, acr="",
                        amr='["pwd"]', context="null", consent_skip=0, consent_remember=int(remember), consent_remember_for=0,
                        requested_at=moment(int(self.now)), consent_handled_at=moment(self.now), session_id_token='{"email":"x"}',
                        session_access_token='{"role":"member"}')
        if state != "none":
            self.put_code(family, client, subject, sid, used=state == "tokens", life=life, pkce=pkce)
        if state == "tokens":
            self.put_tokens(family, client, subject, sid, rotations, life)
        return family

    @staticmethod
    def url(client):
        return (f"http://127.0.0.1:4444/oauth2/auth?client_id={client}&response_type=code&scope=openid+offline+read&nonce=nonce-1"
                "&state=state-12345678&redirect_uri=https%3A%2F%2Fapp.example%2Fcb")

    def put_code(self, family, client, subject, sid, used, life, pkce):
        family.code, signature = self.token("ory_ac_")
        data = self.session_data(client, subject, sid, "nonce-1", {"authorize_code": rfc3339(self.now + life)})
        self.put_token("code", signature, client, subject, data, "redirect_uri=https%3A%2F%2Fapp.example%2Fcb&response_type=code",
                       int(not used), family.id)
        if pkce:
            family.verifier = secrets.token_urlsafe(40)
            promise = family.verifier if pkce == "plain" else b64u(hashlib.sha256(family.verifier.encode()).digest())
            self.put_token("pkce", signature, client, subject, data, f"code_challenge={promise}&code_challenge_method={pkce}", 1, family.id)

    def put_tokens(self, family, client, subject, sid, rotations, life):
        ends = {"access_token": rfc3339(self.now + life), "refresh_token": rfc3339(self.now + life)}
        data = self.session_data(client, subject, sid, "nonce-1", ends)
        family.access, signature = self.token("ory_at_")
        self.put_token("access", self.stored(signature), client, subject, data, "", 1, family.id, rotations)
        for step in range(rotations + 1):
            family.refresh, signature = self.token("ory_rt_")
            self.put_token("refresh", signature, client, subject, data, "", int(step == rotations), family.id, step)
            if step < rotations:
                family.used_refresh.append(family.refresh)

    def rotate(self, family, client, subject):
        """What a refresh at Hydra leaves: other tokens, the old refresh token used."""
        self.db.execute("UPDATE hydra_oauth2_refresh SET active = 0 WHERE challenge_id = ?", (family.id,))
        self.db.execute("DELETE FROM hydra_oauth2_access WHERE challenge_id = ?", (family.id,))
        family.used_refresh.append(family.refresh)
        self.now += 1
        self.put_tokens(family, client, subject, "", 0, 3600)

    def client_token(self, client, life=3600):
        text, signature = self.token("ory_at_")
        data = self.session_data(client, client, "", "", {"access_token": rfc3339(self.now + life)})
        self.put_token("access", self.stored(signature), client, client, data)
        return text

    def registration_token(self, client):
        text, signature = self.token("ory_at_")
        self.db.execute("UPDATE hydra_client SET registration_access_token_signature = ? WHERE id = ?", (signature, client))
        return text

    def jti(self, jti, life=3600):
        self.insert("hydra_oauth2_jti_blacklist", signature=hashlib.sha256(jti.encode()).hexdigest(), expires_at=moment(self.now + life))

    def forced_subject(self, client, subject, seen_as):
        self.insert("hydra_oauth2_obfuscated_authentication_session", subject=subject, client_id=client, subject_obfuscated=seen_as)

    def trust(self, issuer, subject):
        key = self.jwk(issuer, "issuer-key")
        self.insert("hydra_oauth2_trusted_jwt_bearer_issuer", id=str(uuid.uuid4()), issuer=issuer, subject=subject, allow_any_subject=0,
                    scope="read|write", key_set=issuer, key_id=key["kid"], created_at=moment(self.now), expires_at=moment(self.now + 86400))

    def device(self, client, life=3600):
        text, signature = self.token("ory_dc_")
        user_code = "ABCDEFGH"
        self.insert("hydra_oauth2_device_auth_codes", device_code_signature=signature,
                    user_code_signature=b64u(hmac.new(self.key, user_code.encode(), "sha512_256").digest()), request_id=str(uuid.uuid4()),
                    requested_at=moment(self.now), client_id=client, scope="openid|offline", requested_audience="",
                    session_data=self.sealed({"id_token": {}}), device_code_active=1, user_code_state=0, challenge_id=None,
                    expires_at=moment(self.now + life))
        return text, user_code

    # ---- on another kind of database ----

    def script(self, kind):
        """The same as SQL for "postgres" or "mariadb", with the types that Hydra has there."""
        lines = []
        for table, in self.db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            columns = [(row[1], typed(kind, row[1], row[2], table)) for row in self.db.execute(f"PRAGMA table_info({table})")]
            lines.append(f"CREATE TABLE {table} ({', '.join(f'{name} {kind_of} NULL' for name, kind_of in columns)});")
            for row in self.db.execute(f"SELECT * FROM {table}").fetchall():
                values = ", ".join(literal(value, kind_of) for value, (_, kind_of) in zip(row, columns))
                lines.append(f"INSERT INTO {table} VALUES ({values});")
        return "\n".join(lines)


BOOLEANS = ("active remember consent_skip consent_remember skip was_used allow_any_subject skip_consent skip_logout_consent device_code_active "
            "frontchannel_logout_session_required backchannel_logout_session_required").split()


def typed(kind, name, declared, table):
    postgres = kind == "postgres"
    if name in BOOLEANS:
        return "boolean" if postgres else "tinyint(1)"
    if postgres and (name == "nid" or (name == "id" and table == "hydra_oauth2_trusted_jwt_bearer_issuer")):
        return "uuid"
    if declared in ("TIMESTAMP", "DATETIME"):
        return "timestamp" if postgres else "timestamp(6)"
    if declared == "JSONB":
        return "jsonb" if postgres else "json"
    return {"": "text", "INTEGER": "integer", "INT": "integer", "BOOL": "boolean"}.get(declared, declared)


def literal(value, kind_of):
    if value is None:
        return "NULL"
    if kind_of == "boolean":
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    text = value.decode() if isinstance(value, bytes) else value
    if kind_of.startswith("timestamp"):
        text = text.removesuffix("+00:00")
    return "'" + text.replace("'", "''") + "'"
