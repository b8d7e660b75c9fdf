"""The admin API of clients, both generations. Numbers in comments are the behaviours that deployed callers rely on, in the order
create, read, list, change, delete; the unit tests hold the finer cases of validation and JSON Patch."""

import concurrent.futures
import re
import uuid

import pytest

C, V1 = "/admin/clients", "/clients"
BOTH = pytest.mark.parametrize("base", [C, V1])
META = "invalid_client_metadata"
BAD = "The request was malformed or contained invalid parameters"
LIFESPANS = [f"{grant}_{token}_token_lifespan" for grant, tokens in {
    "authorization_code_grant": ("access", "id", "refresh"), "client_credentials_grant": ("access",),
    "implicit_grant": ("access", "id"), "jwt_bearer_grant": ("access",), "refresh_token_grant": ("access", "id", "refresh"),
    "device_authorization_grant": ("access", "id", "refresh")}.items() for token in tokens]


def name():
    return "c-" + uuid.uuid4().hex[:12]


def create(server, base=C, **members):
    answer = server.admin.post(base, json=members)
    assert answer.status == 201, answer
    return answer.json


def read(server, client_id, base=C):
    answer = server.admin.get(f"{base}/{client_id}")
    assert answer.status == 200, answer
    return answer.json


def refused(answer, status, error, text=""):
    assert answer.status == status and answer.headers["Content-Type"].startswith("application/json"), answer
    assert answer.json["error"] == error and text in answer.json["error_description"], answer


def works(server, client_id, secret):
    answer = server.public.post("/oauth2/token", form={"grant_type": "client_credentials"}, basic=(client_id, secret))
    assert answer.status in (200, 401), answer
    return answer.status == 200


def links(answer):
    return {rel: target for target, rel in re.findall(r'<([^>]*)>; rel="(\w+)"', answer.headers.get("Link", ""))}


# ---- create ----

@BOTH
def test_defaults(server, base):
    answer = server.admin.post(base, json={})
    client = answer.json
    assert answer.status == 201 and answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.headers["Location"] == f"{base}/{client['client_id']}"
    assert str(uuid.UUID(client["client_id"])) == client["client_id"]
    assert re.fullmatch(r"[A-Za-z0-9_.~-]{26}", client["client_secret"])
    assert client["scope"] == "offline_access offline openid"
    assert (client["token_endpoint_auth_method"], client["userinfo_signed_response_alg"], client["subject_type"]) == (
        "client_secret_basic", "none", "public")
    assert client["redirect_uris"] is client["grant_types"] is client["response_types"] is client["contacts"] is None
    assert client["audience"] == client["allowed_cors_origins"] == [] and client["metadata"] == client["jwks"] == {}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", client["created_at"])
    assert ("skip_consent" in client) == ("registration_access_token" in client) == (base == C)


def test_registration_members(server):
    client = create(server)
    assert client["registration_access_token"].startswith("ory_at_")
    assert client["registration_client_uri"] == f"{server.public.url}/oauth2/register/{client['client_id']}"
    assert all(client[member] is None for member in LIFESPANS) and len(LIFESPANS) == 13


@BOTH
@pytest.mark.parametrize("body", [b"null", b'{"client_name":"n"}', b'{"CLIENT_Name":"n","made_up":{"a":1},"created_at":"2001-01-01T00:00:00+02:00",'
                                  b'"updated_at":null,"client_secret_expires_at":5,"registration_access_token":"x"}'])
@pytest.mark.parametrize("kind", [None, "text/plain", "application/json; charset=utf-8"])
def test_bodies(server, base, body, kind):
    answer = server.admin.post(base, body=body, headers={"Content-Type": kind} if kind else {})
    assert answer.status == 201, answer
    assert answer.json["client_name"] == ("n" if b"n\"" in body else "") and "made_up" not in answer.json
    assert not answer.json["created_at"].startswith("2001") and answer.json["client_secret_expires_at"] == 0


@BOTH
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"5", b'"x"', b'{"a":1} trailing', b'{"client_name":5}', b'{"metadata":' + b"[" * 20000,
                                  b'{"redirect_uris":["a",2]}', b'{"skip_consent":"yes"}', b'{"jwks":[]}', b'{"jwks":{"keys":{}}}',
                                  b'{"client_secret_expires_at":"5"}', b'{"client_secret_expires_at":1.5}', b'{"created_at":"2001-01-01"}',
                                  b'{"updated_at":5}', b'{"registration_access_token":5}', b'{"registration_client_uri":[]}',
                                  b'{"implicit_grant_id_token_lifespan":60}', b'{"implicit_grant_id_token_lifespan":"1d"}'])
def test_bodies_refused(server, base, body):
    refused(server.admin.post(base, body=body), 400, BAD, "Unable to decode the request body: ")


@BOTH
def test_wrong_types_are_named(server, base):
    answer = server.admin.post(base, json={"redirect_uris": ["https://a.example/", "https://b.example/", 3]})
    refused(answer, 400, BAD, "redirect_uris[2] must be a string")


@BOTH
def test_given_id_and_secret(server, base):
    client_id = name()
    client = create(server, base, client_id=client_id, client_secret="abcdef", grant_types=["client_credentials"])
    assert (client["client_id"], client["client_secret"]) == (client_id, "abcdef")
    assert works(server, client_id, "abcdef")
    answer = server.admin.post(base, json={"client_id": client_id})
    refused(answer, 409, "Unable to insert or update resource because a resource with that value exists already")
    assert read(server, client_id)["grant_types"] == ["client_credentials"]


@pytest.mark.race
def test_parallel_creates_of_one_id(server):
    client_id = name()
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: server.admin.post(C, json={"client_id": client_id}).status, range(40)))
    assert sorted(answers) == [201] + [409] * 39


def test_odd_ids(server):
    for client_id, path in {"a/b c": "a%2Fb%20c", "ü+%": "%C3%BC%2B%25", "..": "%2E%2E"}.items():
        client_id += name()
        answer = server.admin.post(C, json={"client_id": client_id})
        assert answer.status == 201
        location = answer.headers["Location"]
        assert server.admin.get(location).json["client_id"] == client_id
        assert answer.json["registration_client_uri"].rsplit("/", 1)[1] == location.rsplit("/", 1)[1]
        assert "%25" not in location or "%" in client_id
        assert server.admin.delete(location).status == 204


@BOTH
def test_public_clients(server, base):
    client = create(server, base, token_endpoint_auth_method="none")
    assert "client_secret" not in client
    assert "client_secret" not in create(server, base, token_endpoint_auth_method="none", client_secret="given-secret")


@BOTH
def test_values_kept_and_ignored(server, base):
    for metadata in ({"s": "<&>", "f": 1.5, "l": [1, {"n": None}]}, [1, 2], "text", None, 5, True):
        client = create(server, base, metadata=metadata, client_secret_expires_at=99, created_at="2001-01-01T00:00:00Z")
        assert client["client_secret_expires_at"] == 0 and not client["created_at"].startswith("2001")
        assert read(server, client["client_id"], base)["metadata"] == metadata


@BOTH
@pytest.mark.parametrize("members, error", [
    ({"client_secret": "abcde"}, META), ({"redirect_uris": ["https://a.example/#"]}, "invalid_redirect_uri"),
    ({"redirect_uris": ["foo"]}, "invalid_redirect_uri"), ({"redirect_uris": ["javascript:alert(1)"]}, "invalid_redirect_uri"),
    ({"allowed_cors_origins": ["*"]}, META), ({"allowed_cors_origins": ["https://u:p@a.example"]}, META),
    ({"token_endpoint_auth_method": "private_key_jwt"}, META), ({"jwks": {"keys": []}, "jwks_uri": "https://a.example/"}, META),
    ({"userinfo_signed_response_alg": "ES256"}, META), ({"subject_type": "made-up"}, META),
    ({"sector_identifier_uri": "http://a.example/"}, META), ({"client_id": "x" * 256}, META), ({"client_name": "a\0b"}, META),
    ({"redirect_uris": ["https://a.example/"], "post_logout_redirect_uris": ["https://b.example/"]}, META),
    ({"access_token_strategy": "foo"}, META), ({"token_endpoint_auth_method": "x" * 26}, META),
])
def test_values_refused(server, base, members, error):
    refused(server.admin.post(base, json=members), 400, error)


def test_pages_are_checked_by_the_newer_api(server):
    refused(server.admin.post(C, json={"logo_uri": "data:text/html,x"}), 400, META, "for field logo_uri.")
    assert server.admin.post(V1, json={"logo_uri": "data:text/html,x"}).status == 201


def test_round_trip(server):
    client = create(server, jwks_uri="https://a.example/jwks", access_token_strategy="JWT", allowed_cors_origins=["https://x/"],
                    authorization_code_grant_id_token_lifespan="90m", skip_logout_consent=False, initiate_login_uri="https://a.example/")
    assert client["access_token_strategy"] == "jwt" and client["allowed_cors_origins"] == ["https://x"]
    assert client["authorization_code_grant_id_token_lifespan"] == "1h30m0s"
    before = read(server, client["client_id"])
    answer = server.admin.put(f"{C}/{client['client_id']}", json=before)
    after = read(server, client["client_id"])
    assert answer.status == 200 and before.pop("updated_at") < after.pop("updated_at") and before == after


def test_too_large_a_body(server):
    answer = server.admin.post(C, body=b'{"metadata":"' + b"x" * 20_000_000 + b'"}')
    assert answer.status == 413, answer
    assert server.admin.get("/health/alive").status == 200


# ---- read and list ----

def test_unknown(server):
    refused(server.admin.get(f"{C}/{name()}"), 404, "Unable to locate the resource")
    refused(server.admin.get(f"{V1}/{name()}"), 401, "The request could not be authorized")
    for base in (C, V1):
        assert server.admin.get(f"{base}/{'x' * 300}").status in (401, 404)
        assert server.admin.get(f"{base}/a%00b").status in (400, 401, 404)
        for answer in (server.admin.put(f"{base}/{name()}", json={}), server.admin.patch(f"{base}/{name()}", json=[]),
                       server.admin.delete(f"{base}/{name()}"), server.admin.delete(f"{base}/{'x' * 300}")):
            refused(answer, 404, "Unable to locate the resource")
        refused(server.admin.put(f"{base}/{name()}", json={"client_name": 5}), 400, BAD)  # what is wrong with the body goes first
        refused(server.admin.put(f"{base}/{name()}", json={"client_secret": "short"}), 400, META)


@BOTH
def test_get_hides(server, base):
    client = create(server, base)
    shown = read(server, client["client_id"], base)
    assert not {"client_secret", "registration_access_token", "registration_client_uri"} & set(shown)
    assert shown["redirect_uris"] == shown["grant_types"] == shown["response_types"] == shown["contacts"] == []
    assert not {"jwks_uri", "request_uris", "sector_identifier_uri", "post_logout_redirect_uris", "backchannel_logout_uri"} & set(shown)
    assert ("skip_consent" in shown) == (base == C)


def test_get_headers(server):
    client = create(server)
    path = f"{C}/{client['client_id']}"
    assert "no-store" in server.admin.get(path).headers["Cache-Control"]
    head = server.admin.request("HEAD", path)
    assert (head.status, head.body) == (200, b"")


def walk(server, target):
    found = []
    while target:
        answer = server.admin.get(target)
        assert answer.status == 200, answer
        found += [client["client_id"] for client in answer.json]
        target = links(answer).get("next")
    return found


def test_pages_by_token(server):
    owner = name()
    ids = sorted(create(server, client_id=f"{i}-{owner}", owner=owner)["client_id"] for i in range(5))
    for size in (1, 2, 4, 5, 6):
        assert walk(server, f"{C}?owner={owner}&page_size={size}") == ids
    answer = server.admin.get(f"{C}?page_size=2&owner={owner}")
    assert set(links(answer)) == {"first", "next"} and all(f"owner={owner}" in link for link in links(answer).values())
    assert answer.headers["X-Total-Count"] == "5"
    assert [c["client_id"] for c in server.admin.get(links(answer)["first"]).json] == ids[:2]
    assert set(links(server.admin.get(f"{C}?owner={owner}&page_size=5"))) == {"first"}

    # Additions and removals before the page move nothing.
    server.admin.delete(f"{C}/{ids[0]}")
    create(server, client_id=f"!{owner}", owner=owner)
    assert [c["client_id"] for c in server.admin.get(links(answer)["next"]).json] == ids[2:4]


def test_page_parameters(server):
    owner = name()
    create(server, owner=owner)
    for query in ("page_size=0", "page_size=-1", "page_size=100000", "page_token=", "page_token=1", "page_token=eyJvZmZzZXQiOiIwIiwidiI6Mn0"):
        answer = server.admin.get(f"{C}?owner={owner}&{query}")
        assert answer.status == 200 and len(answer.json) == 1, query
    assert server.admin.get(f"{C}?owner={owner}&page_token=eyJvZmZzZXQiOiIxIiwidiI6Mn0").json == []
    for query in ("page_size=abc", "page_size=99999999999999999999", "page_token=garbage", "page_token=" + "A" * 80):
        refused(server.admin.get(f"{C}?{query}"), 400, BAD, "Unable to parse pagination parameters: ")


def test_filters(server):
    owner, client_name = name(), name()
    one = create(server, owner=owner, client_name=client_name)["client_id"]
    two = create(server, owner=owner, client_name="other")["client_id"]
    assert {c["client_id"] for c in server.admin.get(f"{C}?owner={owner}").json} == {one, two}
    assert [c["client_id"] for c in server.admin.get(f"{C}?owner={owner}&client_name={client_name}").json] == [one]
    for query in (f"owner={owner[:-1]}%25", f"client_name={client_name.upper()}", f"owner={owner}&client_name=nobody",
                  "owner='%20OR%201=1--"):
        assert server.admin.get(f"{C}?{query}").json == []
    assert len(server.admin.get(f"{C}?owner=").json) >= 2


def test_pages_by_offset(make_server):
    server = make_server()
    assert server.admin.get(V1).json == [] and server.admin.get(V1).headers["X-Total-Count"] == "0"
    ids = sorted(create(server, client_id=f"c{i}")["client_id"] for i in range(8))

    def page(query):
        answer = server.admin.get(f"{V1}?{query}")
        assert answer.headers["X-Total-Count"] == "8", answer
        return [c["client_id"] for c in answer.json], links(answer)

    assert page("limit=2&offset=2") == (ids[2:4], {
        "first": "/clients?limit=2&offset=0", "next": "/clients?limit=2&offset=4", "prev": "/clients?limit=2&offset=0",
        "last": "/clients?limit=2&offset=6"})
    assert page("limit=2&offset=3")[0] == ids[2:4]
    assert page("limit=2") == (ids[:2], {"next": "/clients?limit=2&offset=2", "last": "/clients?limit=2&offset=6"})
    assert page("limit=2&offset=6")[1] == {"first": "/clients?limit=2&offset=0", "prev": "/clients?limit=2&offset=4"}
    assert page("limit=10&offset=1000000")[0] == []
    for query in ("", "limit=abc&offset=none", "limit=0", "limit=-1", "limit=100000&offset=-5", "unknown=1"):
        assert page(query)[0] == ids
    # Either spelling on either generation.
    assert walk(server, f"{V1}?page_size=3") == ids
    answer = server.admin.get(f"{C}?limit=3&offset=3")
    assert [c["client_id"] for c in answer.json] == ids[3:6]
    assert links(answer)["next"] == "/admin/clients?limit=3&offset=6" and answer.headers["X-Total-Count"] == "8"


# ---- change ----

@BOTH
def test_put_replaces(server, base):
    client = create(server, base, client_name="before", owner="o", contacts=["x"], metadata={"a": 1}, client_secret="keep-this",
                    grant_types=["client_credentials"])
    path = f"{base}/{client['client_id']}"
    answer = server.admin.put(path, json={"client_id": name(), "client_name": "after", "grant_types": ["client_credentials"]})
    assert answer.status == 200 and "client_secret" not in answer.json and answer.json["contacts"] is None
    assert (answer.json["client_id"], answer.json["created_at"]) == (client["client_id"], client["created_at"])
    shown = read(server, client["client_id"], base)
    assert (shown["client_name"], shown["owner"], shown["contacts"], shown["metadata"]) == ("after", "", [], {})
    assert works(server, client["client_id"], "keep-this")

    answer = server.admin.put(path, json={"client_secret": "another-one", "grant_types": ["client_credentials"]})
    assert answer.json["client_secret"] == "another-one"
    assert works(server, client["client_id"], "another-one") and not works(server, client["client_id"], "keep-this")
    refused(server.admin.put(path, json={"client_secret": "short"}), 400, META)
    refused(server.admin.put(path, body=b"{"), 400, BAD)
    assert works(server, client["client_id"], "another-one")


def test_old_put_keeps_what_it_cannot_see(server):
    client = create(server, skip_consent=True, access_token_strategy="jwt", implicit_grant_id_token_lifespan="7m", owner="o")
    assert server.admin.put(f"{V1}/{client['client_id']}", json={"client_name": "n"}).status == 200
    shown = read(server, client["client_id"])
    assert (shown["skip_consent"], shown["access_token_strategy"], shown["owner"]) == (True, "jwt", "")
    assert shown["implicit_grant_id_token_lifespan"] == "7m0s"


@BOTH
def test_patch(server, base):
    client = create(server, base, client_name="before", redirect_uris=["https://a.example/1"], owner="me", metadata={"x": 1},
                    client_secret="patch-secret", grant_types=["client_credentials"])
    path = f"{base}/{client['client_id']}"
    answer = server.admin.patch(path, json=[
        {"op": "test", "path": "/owner", "value": "me"}, {"op": "replace", "path": "/client_name", "value": "after"},
        {"op": "add", "path": "/redirect_uris/-", "value": "https://a.example/2"}, {"op": "remove", "path": "/owner"},
        {"op": "add", "path": "/post_logout_redirect_uris/-", "value": "https://a.example/bye"},  # an empty list is not shown
        {"op": "add", "path": "/metadata/y/z", "value": [1]}, {"op": "add", "path": "/made_up", "value": 1}])
    assert answer.status == 200 and "client_secret" not in answer.json and answer.json["contacts"] == []
    shown = read(server, client["client_id"], base)
    assert (shown["client_name"], shown["owner"], shown["metadata"]) == ("after", "", {"x": 1, "y": {"z": [1]}})
    assert shown["redirect_uris"] == ["https://a.example/1", "https://a.example/2"]
    assert shown["post_logout_redirect_uris"] == ["https://a.example/bye"]
    assert works(server, client["client_id"], "patch-secret")

    answer = server.admin.patch(path, json=[{"op": "replace", "path": "/client_secret", "value": "newer-secret"}])
    assert answer.json["client_secret"] == "newer-secret"
    assert works(server, client["client_id"], "newer-secret") and not works(server, client["client_id"], "patch-secret")
    for body in (b"[]", b"null"):
        assert server.admin.patch(path, body=body, headers={"Content-Type": "application/json-patch+json"}).status == 200


@BOTH
def test_patch_refused(server, base):
    client, other = create(server, base), create(server, base, client_name="unharmed")
    path = f"{base}/{client['client_id']}"
    for body in (b"", b"{", b"{}", b'[{"op":"x","path":"/owner"}]', b'[{"op":"remove","path":"/nothing"}]',
                 b'[{"op":"replace","path":"/id","value":"x"}]', b'[{"op":"replace","path":"/rotated_secrets","value":[]}]',
                 b'[{"op":"replace","path":"/client_name","value":5}]'):
        refused(server.admin.patch(path, body=body), 400, BAD)
    patches = {"subject_type": META, "userinfo_signed_response_alg": META, "client_secret": META}
    for member, error in patches.items():
        refused(server.admin.patch(path, json=[{"op": "replace", "path": "/" + member, "value": "bad"}]), 400, error)
    refused(server.admin.patch(path, json=[{"op": "test", "path": "/owner", "value": "x"}]), 409, "Conflict")
    steal = [{"op": "replace", "path": "/client_id", "value": other["client_id"]}]
    refused(server.admin.patch(path, json=steal), 400, BAD, "client_id")
    assert read(server, other["client_id"])["client_name"] == "unharmed"
    refused(server.admin.patch(path, json=[{"op": "replace", "path": "/client_id", "value": name()}]), 404,
            "Unable to locate the resource")


@pytest.mark.race
def test_parallel_patches_lose_nothing(server):
    client = create(server, contacts=[])
    path = f"{C}/{client['client_id']}"

    def add(i):
        answer = server.admin.patch(path, json=[{"op": "add", "path": "/contacts/-", "value": str(i)}])
        assert answer.status in (200, 409), answer
        return str(i) if answer.status == 200 else None

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        added = [i for i in pool.map(add, range(40)) if i is not None]
    assert sorted(read(server, client["client_id"])["contacts"]) == sorted(added)


def test_lifespans(server):
    client = create(server, client_name="n", refresh_token_grant_id_token_lifespan="9h", client_secret="the-secret",
                    grant_types=["client_credentials"])
    path = f"{C}/{client['client_id']}/lifespans"
    answer = server.admin.put(path, json={member: "10m" for member in LIFESPANS})
    assert answer.status == 200 and "client_secret" not in answer.json and answer.json["created_at"] == client["created_at"]
    assert all(answer.json[member] == "10m0s" for member in LIFESPANS)
    token = server.token(client).json
    assert 590 < token["expires_in"] <= 600
    answer = server.admin.put(f"/clients/{client['client_id']}/lifespans", json={"implicit_grant_id_token_lifespan": ".5s", "x": 1})
    assert {m: v for m, v in answer.json.items() if m in LIFESPANS and v} == {"implicit_grant_id_token_lifespan": "500ms"}
    assert answer.json["client_name"] == "n"
    assert not any(server.admin.put(path, body=b"null").json[member] for member in LIFESPANS)
    assert server.admin.put(path, json={"client_name": 5, "scope": []}).json["client_name"] == "n"  # unknown members here
    refused(server.admin.put(path, json={LIFESPANS[0]: "1d"}), 400, BAD, LIFESPANS[0])
    refused(server.admin.put(path, body=b"{"), 400, BAD)
    refused(server.admin.put(f"{C}/{name()}/lifespans", body=b"{"), 404, "Unable to locate the resource")


def test_rotation(server):
    client = create(server, grant_types=["client_credentials"])
    client_id, secrets = client["client_id"], [client["client_secret"]]
    path = f"{C}/{client_id}/secrets/rotate"
    for _ in range(7):
        answer = server.admin.post(path)
        assert answer.status == 200, answer
        secrets.append(answer.json["client_secret"])
    assert [works(server, client_id, secret) for secret in secrets] == [False] * 2 + [True] * 6
    answer = server.admin.delete(path)
    assert answer.status == 200 and "client_secret" not in answer.json
    assert [works(server, client_id, secret) for secret in secrets] == [False] * 7 + [True]


@pytest.mark.parametrize("method", ["put", "patch"])
def test_a_new_secret_ends_rotated_ones(server, method):
    client = create(server, grant_types=["client_credentials"])
    newer = server.admin.post(f"{C}/{client['client_id']}/secrets/rotate").json["client_secret"]
    body = {"put": {"client_secret": "set-by-hand", "grant_types": ["client_credentials"]},
            "patch": [{"op": "add", "path": "/client_secret", "value": "set-by-hand"}]}[method]
    assert server.admin.request(method.upper(), f"{C}/{client['client_id']}", json=body).status == 200
    assert [works(server, client["client_id"], s) for s in (client["client_secret"], newer, "set-by-hand")] == [False, False, True]


def test_rotation_refused(server):
    client = create(server, token_endpoint_auth_method="none")
    text = "The client is configured to use the 'none' authentication method, which does not support client secret rotation."
    for call in (server.admin.post, server.admin.delete):
        refused(call(f"{C}/{client['client_id']}/secrets/rotate"), 400, BAD, text)
        refused(call(f"{C}/{name()}/secrets/rotate"), 404, "Unable to locate the resource")


# ---- delete ----

@BOTH
def test_delete(server, base):
    client = create(server, base, client_id=name(), grant_types=["client_credentials"])
    token = server.access_token(client)
    assert server.introspect(token)["active"]
    answer = server.admin.delete(f"{base}/{client['client_id']}")
    assert (answer.status, answer.body, answer.headers.get("Content-Type")) == (204, b"", None)
    assert server.admin.get(f"{C}/{client['client_id']}").status == 404
    assert server.admin.delete(f"{base}/{client['client_id']}").status == 404
    assert not server.introspect(token)["active"]
    assert not works(server, client["client_id"], client["client_secret"])
    create(server, base, client_id=client["client_id"])     # the id is free; the old one's tokens stay dead
    assert not server.introspect(token)["active"]


def test_changes_survive_a_restart(make_server):
    server = make_server()
    client = create(server, client_name="n", metadata={"a": [1]}, grant_types=["client_credentials"])
    server.admin.patch(f"{C}/{client['client_id']}", json=[{"op": "replace", "path": "/owner", "value": "o"}])
    before = read(server, client["client_id"])
    server.kill()
    server.start()
    assert read(server, client["client_id"]) == before and before["owner"] == "o"
    assert works(server, client["client_id"], client["client_secret"])
