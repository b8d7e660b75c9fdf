"""Dynamic client registration and management: RFC 7591 and RFC 7592, and the limits on what may be registered."""

import hashlib

import pytest

REGISTER = "/oauth2/register"
CB = "https://rp.example.test/cb"
TOKEN = "an-initial-access-token"
META = "invalid_client_metadata"
ON = {"oidc": {"dynamic_client_registration": {"enabled": True}}}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    from harness import Server
    running = Server(tmp_path_factory.mktemp("server"), ON).start()
    yield running
    running.stop()


def register(server, *, bearer=None, **members):
    return server.public.post(REGISTER, json={"redirect_uris": [CB], **members}, bearer=bearer)


def registered(server, **members):
    answer = register(server, **members)
    assert answer.status == 201, answer
    return answer.json


def path(client):
    return f"{REGISTER}/{client['client_id']}"


def refused(answer, status, error, text=""):
    assert (answer.status, answer.json["error"]) == (status, error), answer
    assert text in answer.json["error_description"], answer


def test_registers_and_manages(server):
    answer = register(server, client_name="Dyn", client_id="chosen")
    client = answer.json
    assert answer.status == 201 and answer.headers["Cache-Control"] == "no-store"
    assert client["client_id"] != "chosen" and client["client_secret_expires_at"] == 0 and len(client["client_secret"]) == 26
    assert client["registration_client_uri"] == f"{server.public.url}{path(client)}"
    token = client["registration_access_token"]

    seen = server.public.get(path(client), bearer=token)
    assert seen.status == 200 and seen.json["client_name"] == "Dyn"
    assert not {"client_secret", "registration_access_token", "metadata"} & set(seen.json)

    changed = server.public.put(path(client), json={**seen.json, "client_name": "New"}, bearer=token)
    assert changed.status == 200 and changed.json["client_name"] == "New" and "client_secret" not in changed.json
    assert changed.json["registration_client_uri"] == client["registration_client_uri"]
    refused(server.public.get(path(client), bearer=token), 401, "The request could not be authorized")
    token = changed.json["registration_access_token"]
    assert server.public.get(path(client), bearer=token).status == 200

    assert server.public.delete(path(client), bearer=token).status == 204
    refused(server.public.get(path(client), bearer=token), 401, "The request could not be authorized")
    assert server.admin.get("/admin/clients/" + client["client_id"]).status == 404


def test_the_secret_works_and_stays(server):
    client = registered(server, token_endpoint_auth_method="client_secret_post")
    pair = {"client_id": client["client_id"], "client_secret": client["client_secret"]}
    asked = {"grant_type": "authorization_code", "code": "x", **pair}
    refused(server.public.post("/oauth2/token", form=asked), 400, "invalid_grant")
    again = server.public.put(path(client), json={"redirect_uris": [CB], "token_endpoint_auth_method": "client_secret_post"},
                              bearer=client["registration_access_token"])
    assert again.status == 200
    refused(server.public.post("/oauth2/token", form=asked), 400, "invalid_grant")
    refused(server.public.post("/oauth2/token", form={**asked, "client_secret": "wrong"}), 401, "invalid_client")


def test_public_client(server):
    assert "client_secret" not in registered(server, token_endpoint_auth_method="none")


def test_other_tokens_do_not_manage(server):
    client, other = registered(server), registered(server)
    for bearer in (None, "x", other["registration_access_token"], client["client_secret"], client["registration_access_token"] + "x"):
        for method in ("get", "delete"):
            answer = getattr(server.public, method)(path(client), bearer=bearer)
            refused(answer, 401, "The request could not be authorized", "does not exist or you provided incorrect credentials")
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        for body in (b"{}", b"", b"nope"):
            refused(server.public.put(path(client), body=body, bearer=bearer), 401, "The request could not be authorized")
    refused(server.public.get(REGISTER + "/made-up", bearer=client["registration_access_token"]), 401, "The request could not be authorized")
    refused(server.public.get(REGISTER + "/" + "x" * 300, bearer="x"), 401, "The request could not be authorized")
    assert server.public.get(path(client), bearer=client["registration_access_token"]).status == 200


def test_a_client_made_again_is_another(server):
    made = server.admin.post("/admin/clients", json={"client_id": "again"}).json
    assert server.public.get(path(made), bearer=made["registration_access_token"]).status == 200
    assert server.admin.delete("/admin/clients/again").status == 204
    server.admin.post("/admin/clients", json={"client_id": "again", "client_name": "second"})
    refused(server.public.get(path(made), bearer=made["registration_access_token"]), 401, "The request could not be authorized")


@pytest.mark.parametrize("members, status, error", [
    ({"client_secret": "my-own-secret"}, 400, "The request was malformed or contained invalid parameters"),
    ({"access_token_strategy": "jwt"}, 400, "The request was malformed or contained invalid parameters"),
    ({"metadata": {"a": 1}}, 400, META), ({"metadata": 1}, 400, META),
    ({"skip_consent": True}, 400, "invalid_request"), ({"skip_logout_consent": True}, 400, "invalid_request"),
    ({"owner": "boss"}, 400, META), ({"refresh_token_grant_access_token_lifespan": "9000h"}, 400, META),
    ({"grant_types": ["client_credentials"]}, 400, META),
    ({"grant_types": ["urn:ietf:params:oauth:grant-type:jwt-bearer"]}, 400, META),
    ({"redirect_uris": ["https://a.example/#x"]}, 400, "invalid_redirect_uri"), ({"tos_uri": "nope"}, 400, META),
    ({"redirect_uris": "x"}, 400, "The request was malformed or contained invalid parameters"),
])
def test_values_refused(server, members, status, error):
    refused(register(server, **members), status, error)
    client = registered(server)
    answer = server.public.put(path(client), json=members, bearer=client["registration_access_token"])
    refused(answer, 403 if "client_secret" in members else status, "The requested action was forbidden" if "client_secret" in members else error)
    assert server.public.get(path(client), bearer=client["registration_access_token"]).status == 200, "the token is as before"


def test_bodies_refused(server):
    for body in (b"", b"nope", b"[]", b'"x"', b"{"):
        assert server.public.post(REGISTER, body=body, headers={"Content-Type": "application/json"}).status == 400


def test_what_the_operator_set_may_be_sent_back(server):
    members = {"owner": "boss", "access_token_strategy": "jwt", "skip_consent": True, "skip_logout_consent": True,
               "grant_types": ["client_credentials"]}
    made = server.admin.post("/admin/clients", json={**members, "jwt_bearer_grant_access_token_lifespan": "5m", "metadata": {"a": 1}}).json
    seen = server.public.get(path(made), bearer=made["registration_access_token"]).json
    changed = server.public.put(path(made), json=seen, bearer=made["registration_access_token"])
    assert changed.status == 200 and {name: changed.json[name] for name in members} == members
    assert changed.json["jwt_bearer_grant_access_token_lifespan"] == "5m0s"


@pytest.mark.race
def test_replacing_races(server):
    from concurrent.futures import ThreadPoolExecutor
    client = registered(server)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: server.public.put(path(client), json={"client_name": str(n)},
                                                            bearer=client["registration_access_token"]).status, range(100)))
    assert sorted(answers) == [200] + [401] * 99


def test_limits(make_server):
    digest = "sha256:" + hashlib.sha256(b"another-initial-token").hexdigest()
    server = make_server({"oidc": {"dynamic_client_registration": {
        "enabled": True, "default_scope": ["openid"], "initial_access_tokens": [TOKEN, digest], "allowed_scope": ["openid", "mail"],
        "allowed_grant_types": ["authorization_code", "client_credentials"], "allowed_audience": ["https://api.example"]}}})
    for bearer in (None, "wrong-initial-token", digest):
        for answer in (register(server, bearer=bearer), server.public.post(REGISTER, body=b"nope", bearer=bearer)):
            refused(answer, 401, "invalid_token")
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert register(server, bearer=TOKEN).json["scope"] == "openid"
    good = register(server, bearer="another-initial-token", scope="mail openid", grant_types=["client_credentials"],
                    audience=["https://api.example"])
    assert good.status == 201
    refused(register(server, bearer=TOKEN, scope="openid admin"), 400, META, "'admin'")
    refused(register(server, bearer=TOKEN, scope="*"), 400, META)
    refused(register(server, bearer=TOKEN, audience=["https://other.example"]), 400, META)
    refused(register(server, bearer=TOKEN, grant_types=["refresh_token"]), 400, META)
    client = good.json
    refused(server.public.put(path(client), json={"scope": "admin"}, bearer=client["registration_access_token"]), 400, META)
    assert TOKEN not in server.log
    shown = server.cli("config", "show", "-c", str(server.config_file))
    assert TOKEN not in shown.stdout


def test_off_and_discovery(server, make_server):  # 14
    document = "/.well-known/openid-configuration"
    assert server.public.get(document).json["registration_endpoint"] == server.public.url + REGISTER
    off = make_server()
    assert "registration_endpoint" not in off.public.get(document).json
    for answer in (off.public.post(REGISTER, json={}), off.public.get(REGISTER + "/x", bearer="y"),
                   off.public.put(REGISTER + "/x", json={}), off.public.delete(REGISTER + "/x")):
        refused(answer, 404, "The requested resource could not be found", "Dynamic registration is not enabled.")
