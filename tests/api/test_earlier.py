"""What Hydra gave out before its database was taken over: cookies of login sessions, and assertions that were used there. Its tokens
are in the tests of `migrate hydra`."""

import base64
import datetime
import gzip
import hashlib
import hmac
import json
import secrets
import struct
import time
import urllib.parse
import uuid

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from assertions_support import EVIL, KEY, claims_for, key_client, with_assertion
from flow_support import ADMIN, CALLBACK, Browser, Redirect, accept, get_request, make_web
from harness import SECRET

V1, V1_INSECURE, NAME = "oauth2_authentication_session", "oauth2_authentication_session_insecure", "ory_hydra_session_dev"
GOB = bytes.fromhex("0d7f040102ff800001100110000041ff80000106737472696e670c05000373696406737472696e670c260024")
CSRF_GOB = bytes.fromhex("0d7f040102ff80000110011000003eff80000106737472696e670c0600046373726606737472696e670c220020")
KEY_OF = hashlib.sha256


def b64(data):
    return base64.urlsafe_b64encode(data)


def signed(name, payload, key):
    start = b"%d|%s|" % (time.time(), payload)
    mac = hmac.new(key, name.encode() + b"|" + start[:-1], hashlib.sha256).digest()
    return b64(start + mac).decode()


def old_cookie(name, sid, secret=SECRET):
    return signed(name, b64(GOB + sid.encode()), KEY_OF(secret.encode()).digest())


def cookie(name, value, key=None, gob=GOB):
    """`key`: that of secrets.cookie; otherwise the system secret stands in."""
    key = key or KEY_OF(SECRET.encode()).digest()
    encryptor = Cipher(algorithms.AES(KEY_OF(key).digest()), modes.CTR(bytes(16))).encryptor()
    return signed(name, b64(bytes(16) + encryptor.update(gob + value.encode()) + encryptor.finalize()), key)


@pytest.fixture(scope="module")
def web(server):
    return make_web(server, post_logout_redirect_uris=["https://rp.example.test/bye"])


def log_in(server, web, **login):
    tokens = Browser(server).sign_in(web, {"subject": "alice", **login})
    part = tokens["id_token"].split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["sid"], tokens


def with_cookie(server, name, value):
    browser = Browser(server)
    browser.cookies[name] = value
    return browser


def logged_in(browser, web):
    return browser.authorize(web, prompt="none", scope="openid").query.get("error") != "login_required"


@pytest.mark.parametrize("name,make", [(V1, old_cookie), (V1_INSECURE, old_cookie), (NAME, cookie), (NAME, old_cookie)])
def test_sessions_go_on(server, web, name, make):
    sid, _ = log_in(server, web)
    browser = with_cookie(server, name, make(name, sid))
    assert logged_in(browser, web)
    challenge = browser.to_login(web)
    asked = server.admin.get("/admin/oauth2/auth/requests/login", query={"login_challenge": challenge}).json
    assert asked["skip"] is True and asked["subject"] == "alice" and asked["session_id"] == sid


def test_secrets(make_server):
    server = make_server({"secrets": {"system": ["a-newer-secret-than-the-other-one", SECRET], "cookie": ["a-cookie-secret-of-the-tests"]}})
    web = make_web(server)
    sid, _ = log_in(server, web)
    assert logged_in(with_cookie(server, NAME, cookie(NAME, sid)), web)
    assert logged_in(with_cookie(server, V1, old_cookie(V1, sid)), web)
    assert logged_in(with_cookie(server, NAME, cookie(NAME, sid, b"a-cookie-secret-of-the-tests")), web)
    assert not logged_in(with_cookie(server, NAME, cookie(NAME, sid, b"a-cookie-secret-of-others")), web)


def test_refused(server, web):
    sid, _ = log_in(server, web)
    right = old_cookie(V1, sid)
    for name, value in [(V1, old_cookie(V1, sid, "another-system-secret-of-16")), (V1, old_cookie(V1_INSECURE, sid)),
                        (V1, right[:40] + ("A" if right[40] != "A" else "B") + right[41:]), (V1, right[:-4]), (V1, sid), (V1, ""),
                        (V1, "A" * 4097), ("oauth2_authentication_csrf", right), (NAME, right),
                        (V1, old_cookie(V1, "11111111-1111-4111-8111-111111111111"))]:
        assert not logged_in(with_cookie(server, name, value), web), (name, value)
    assert logged_in(with_cookie(server, V1, right), web)


def test_ours_counts_first(server, web):
    sid, _ = log_in(server, web)
    browser = Browser(server)
    browser.sign_in(web, {"subject": "bob"})
    browser.cookies[V1] = old_cookie(V1, sid)
    asked = server.admin.get("/admin/oauth2/auth/requests/login", query={"login_challenge": browser.to_login(web)}).json
    assert asked["subject"] == "bob"


def test_another_login_replaces_it(server, web):
    """The cookie must not come back when ours has gone."""
    sid, _ = log_in(server, web)
    for remember in True, False:
        browser = with_cookie(server, V1, old_cookie(V1, sid))
        challenge = browser.to_login(web, prompt="login")
        browser.get(accept(server, "login", challenge, {"subject": "carol", "remember": remember}))
        assert V1 not in browser.cookies and (NAME in browser.cookies) == remember


def test_logout(server, web):
    sid, tokens = log_in(server, web)
    browser = with_cookie(server, V1, old_cookie(V1, sid))
    challenge = browser.get("/oauth2/sessions/logout", query={"id_token_hint": tokens["id_token"]}).query["logout_challenge"]
    browser.get(accept(server, "logout", challenge))
    assert browser.cookies == {}
    assert not logged_in(with_cookie(server, V1, old_cookie(V1, sid)), web)


# ---- assertions ----

def test_assertions_used_before(server):
    client_id = key_client(server)
    claims = claims_for(server, client_id, jti="used before the take-over")
    digest, until = hashlib.sha256(claims["jti"].encode()).hexdigest(), (claims["exp"] + 60) * 1000000
    server.database.sql(f"INSERT INTO mark (kind, id, value, expires_at) VALUES (5, '{digest}', 1, {until})")
    for exp in claims["exp"], claims["exp"] + 3600 * 24 * 365:  # there was no limit
        refused = with_assertion(server, KEY.sign({**claims, "exp": exp}))
        assert (refused.status, refused.json["error"]) == (400, "jti_known"), refused
    assert with_assertion(server, EVIL.sign(claims)).status == 401
    assert with_assertion(server, KEY.sign(claims_for(server, client_id, jti="not used"))).status == 200


# ---- devices ----

def test_user_codes(server):
    """The row has the digest of the code that Hydra showed."""
    tv = server.create_client(grant_types=["urn:ietf:params:oauth:grant-type:device_code"], scope="openid")
    asked = server.public.post("/oauth2/device/auth", form={"client_id": tv["client_id"], "scope": "openid"},
                               basic=(tv["client_id"], tv["client_secret"]))
    assert asked.status == 200
    shown = "ABCD" + asked.json["user_code"][4:].upper()
    mac = hmac.new(KEY_OF(SECRET.encode()).digest(), shown.encode(), "sha512_256").digest()
    server.database.sql(f"UPDATE device SET user_code = '{b64(mac).decode().rstrip('=')}' WHERE client_id = '{tv['client_id']}'")
    browser = Browser(server)

    def type_code(code):
        challenge = browser.get("/oauth2/device/verify").query["device_challenge"]
        return server.admin.put(ADMIN + "/device/accept", query={"device_challenge": challenge}, json={"user_code": code})

    assert type_code(asked.json["user_code"]).status == 400
    assert type_code(shown[:-1]).status == 400
    typed = type_code(f"{shown[:4]}-{shown[4:]}".lower())
    assert typed.status == 200, typed
    assert browser.get(typed.json["redirect_to"]).query["login_challenge"]


# ---- logins under way ----

def xchacha20_poly1305(key, nonce, data, text):
    """draft-irtf-cfrg-xchacha 2: a subkey from the first 16 bytes of the nonce, then the usual cipher with the rest."""
    s = list(struct.unpack("<16I", b"expand 32-byte k" + key + nonce[:16]))

    def quarter(a, b, c, d):
        for x, y, z, by in (a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7):
            s[x] = (s[x] + s[y]) & 0xffffffff
            s[z] = ((s[z] ^ s[x]) << by | (s[z] ^ s[x]) >> 32 - by) & 0xffffffff

    for _ in range(10):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    subkey = struct.pack("<8I", *s[:4], *s[12:])
    return ChaCha20Poly1305(subkey).encrypt(bytes(4) + nonce[16:], text, data)


def murmur3(text):
    """32 bits, seed 0."""
    data, h, mask = text.encode(), 0, 0xffffffff
    for at in range(0, len(data), 4):
        part = data[at:at + 4]
        k = int.from_bytes(part, "little") * 0xcc9e2d51 & mask
        h ^= ((k << 15 | k >> 17) & mask) * 0x1b873593 & mask
        if len(part) == 4:
            h = ((h << 13 | h >> 19) & mask) * 5 + 0xe6546b64 & mask
    h ^= len(data)
    h = (h ^ h >> 16) * 0x85ebca6b & mask
    h = (h ^ h >> 13) * 0xc2b2ae35 & mask
    return h ^ h >> 16


def hydra_flow(server, client, **members):
    url = server.public.url + "/oauth2/auth?" + urllib.parse.urlencode({
        "client_id": client["client_id"], "response_type": "code", "redirect_uri": CALLBACK, "scope": "openid", "state": "state-from-before"})
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    flow = {"i": secrets.token_hex(16), "n": str(uuid.uuid4()), "rs": ["openid"], "oc": {}, "c": {"client_id": client["client_id"]},
            "ci": client["client_id"], "r": url, "si": str(uuid.uuid4()), "lc": secrets.token_hex(16), "ia": now, "q": 1, "ct": None, "la": None}
    return {name: value for name, value in {**flow, **members}.items() if value != ""}


def sealed(flow, purpose=b"{}", secret=SECRET):
    nonce = secrets.token_bytes(24)
    return b64(nonce + xchacha20_poly1305(KEY_OF(secret.encode()).digest(), nonce, purpose, gzip.compress(json.dumps(flow).encode()))).decode()


def test_logins_go_on(server, web):
    flow = hydra_flow(server, web)
    challenge = sealed(flow)
    asked = get_request(server, "login", challenge)
    assert asked.status == 200, asked
    assert (asked.json["challenge"], asked.json["request_url"], asked.json["skip"]) == (challenge, flow["r"], False)
    assert asked.json["client"]["client_id"] == web["client_id"] and asked.json["session_id"] == flow["si"]
    back = accept(server, "login", challenge, {"subject": "alice", "remember": True})
    name = f"ory_hydra_login_csrf_dev_{murmur3(web['client_id'])}"
    stranger = Browser(server).request("GET", back)
    assert "No+CSRF+value" in stranger.headers["Location"], stranger
    for wrong in cookie(name, secrets.token_hex(16), gob=CSRF_GOB), cookie(name[:-1], flow["lc"], gob=CSRF_GOB):
        assert "request_forbidden" in with_cookie(server, name, wrong).request("GET", back).headers["Location"]
    browser = with_cookie(server, name, cookie(name, flow["lc"], gob=CSRF_GOB))
    consent = browser.get(back).query["consent_challenge"]
    done = Redirect(browser.request("GET", accept(server, "consent", consent, {"grant_scope": ["openid"]})))
    assert done.base == CALLBACK and done.query["state"] == "state-from-before" and done.query["code"]
    assert get_request(server, "login", challenge).status == 410


def test_skipped_logins_go_on(server, web):
    sid, _ = log_in(server, web)
    asked = get_request(server, "login", sealed(hydra_flow(server, web, si=sid, ls=True, s="alice", la="2026-01-02T03:04:05.678Z")))
    assert (asked.json["skip"], asked.json["subject"], asked.json["session_id"]) == (True, "alice", sid)


@pytest.mark.parametrize("members", [{"i": "1"}, {"i": "x" * 32}, {"i": ""}, {"ci": ""}, {"ci": "nobody"}, {"si": ""}, {"si": "s1"}, {"lc": ""},
                                     {"ia": "yesterday"}, {"la": 7}, {"r": "http://[/"}, {"r": "http://x/?a=" + "b" * 9000}, {"ls": True},
                                     {"s": "alice", "ls": True, "la": "never"}, {"di": "device"}, {"ci": 1}, {"big": "0" * 300000}])
def test_strange_flows(server, web, members):
    challenge = sealed(hydra_flow(server, web, **members))
    assert get_request(server, "login", challenge).status == 404


def test_other_challenges(server, web):
    flow = hydra_flow(server, web)
    assert get_request(server, "login", sealed(flow, b'{"p":1}')).status == 404
    assert get_request(server, "login", sealed(flow, secret="another-system-secret-of-16")).status == 404
    assert get_request(server, "consent", sealed(flow)).status == 404
    old = get_request(server, "login", sealed(hydra_flow(server, web, ia="2026-01-02T03:04:05Z")))
    assert old.status == 401 and "has expired" in old.text, old
