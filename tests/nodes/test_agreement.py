"""What one node has answered is true on every other one with the next request: nothing waits for a cache to end."""

import concurrent.futures
import time

import pytest

from flow_support import Browser, make_web
from tokens_support import active, pair, refresh, tokens_for, unpack

SECRET = "the-secret-of-this-client"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    from cluster import Cluster
    running = Cluster(tmp_path_factory.mktemp("cluster")).start()
    yield running
    running.close()


def on_each(cluster, ask):
    return [ask(node) for node in cluster.nodes]


def at_once(items, work):
    with concurrent.futures.ThreadPoolExecutor(len(items)) as pool:
        return list(pool.map(work, items))


def actives(cluster, token):
    return set(on_each(cluster, lambda node: active(node, token)))


# ---- tokens ----

@pytest.mark.parametrize("turn", range(3))
def test_revoked_token(cluster, turn):
    """RFC 7009 2.1: the revocation takes place immediately. Each node has just seen the token alive."""
    client = cluster.create_client(access_token_strategy="opaque")
    revoker = cluster.nodes[turn]
    for _ in range(20):
        token = cluster.access_token(client)
        assert actives(cluster, token) == {True}
        assert revoker.public.post("/oauth2/revoke", form={"token": token}, basic=pair(client)).status == 200
        assert actives(cluster, token) == {False}


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_revoked_grant(cluster, which):
    web = make_web(cluster)
    for turn in range(6):
        body = tokens_for(cluster, web)
        assert actives(cluster, body["access_token"]) == actives(cluster, body["refresh_token"]) == {True}
        node = cluster.nodes[turn % 3]
        assert node.public.post("/oauth2/revoke", form={"token": body[which]}, basic=pair(web)).status == 200
        assert actives(cluster, body["access_token"]) == actives(cluster, body["refresh_token"]) == {False}
        assert set(on_each(cluster, lambda n: refresh(n, web, body["refresh_token"]).status)) == {400}
        assert set(on_each(cluster, lambda n: n.public.get("/userinfo", bearer=body["access_token"]).status)) == {401}


@pytest.mark.parametrize("kind", ["consent", "login"])
def test_revoked_session(cluster, kind):
    web, b = make_web(cluster), Browser(cluster)
    subject = f"ada-{kind}"
    body = b.sign_in(web, {"subject": subject}, {"remember": True})
    assert actives(cluster, body["access_token"]) == {True}
    query = {"subject": subject, **({"all": "true"} if kind == "consent" else {})}
    assert cluster.nodes[2].admin.delete(f"/admin/oauth2/auth/sessions/{kind}", query=query).status == 204
    if kind == "consent":
        assert actives(cluster, body["access_token"]) == {False}
    else:
        redirects = on_each(cluster, lambda _: b.authorize(web, prompt="none").query["error"])
        assert set(redirects) == {"login_required"}


def test_rotated_token(cluster):
    """A refresh on one node ends the token's predecessor on all of them; its replay ends the family everywhere."""
    web = make_web(cluster)
    one = tokens_for(cluster, web)
    assert actives(cluster, one["access_token"]) == {True}
    two = refresh(cluster.nodes[0], web, one["refresh_token"]).json
    assert actives(cluster, one["access_token"]) == {False} and actives(cluster, two["access_token"]) == {True}
    assert refresh(cluster.nodes[1], web, one["refresh_token"]).status == 400
    assert actives(cluster, two["access_token"]) == actives(cluster, two["refresh_token"]) == {False}


# ---- clients ----

def ask(node, client, secret):
    return node.public.post("/oauth2/token", form={"grant_type": "client_credentials"}, basic=(client["client_id"], secret)).status


def test_changed_client(cluster):
    client = cluster.create_client(client_secret=SECRET, scope="a")
    path = "/admin/clients/" + client["client_id"]
    for turn in range(6):
        node = cluster.nodes[turn % 3]
        old, new = (SECRET + str(n) if n else SECRET for n in (turn, turn + 1))
        assert on_each(cluster, lambda n: ask(n, client, old)) == [200] * 3      # each node knows the secret now
        assert node.admin.patch(path, json=[{"op": "replace", "path": "/client_secret", "value": new}]).status == 200
        assert on_each(cluster, lambda n: ask(n, client, old)) == [401] * 3
        assert on_each(cluster, lambda n: ask(n, client, new)) == [200] * 3
        names = [f"name {turn}"] * 3
        assert node.admin.patch(path, json=[{"op": "replace", "path": "/client_name", "value": names[0]}]).status == 200
        assert on_each(cluster, lambda n: n.admin.get(path).json["client_name"]) == names


def test_deleted_client(cluster):
    for turn in range(6):
        client = cluster.create_client(client_secret=SECRET)
        token = cluster.access_token(client)
        assert on_each(cluster, lambda n: ask(n, client, SECRET)) == [200] * 3 and actives(cluster, token) == {True}
        assert cluster.nodes[turn % 3].admin.delete("/admin/clients/" + client["client_id"]).status == 204
        assert on_each(cluster, lambda n: ask(n, client, SECRET)) == [401] * 3 and actives(cluster, token) == {False}
        # Made again under the same id it is another client: nothing of the first one comes back.
        cluster.nodes[(turn + 1) % 3].admin.post("/admin/clients", json={**client, "client_secret": SECRET + "!"})
        assert on_each(cluster, lambda n: ask(n, client, SECRET)) == [401] * 3
        assert on_each(cluster, lambda n: ask(n, client, SECRET + "!")) == [200] * 3 and actives(cluster, token) == {False}


# ---- keys ----

def kids(node):
    return {key["kid"] for key in node.public.get("/.well-known/jwks.json").json["keys"]}


def test_first_keys(make_database, make_nodes):
    """Ten nodes that start at once on an empty database publish the same keys, one for each set."""
    database = make_database()
    nodes = make_nodes(10, database.dsn)
    for node in nodes:
        node.start(ready=False)
    for node in nodes:
        node.wait_ready()
    published = at_once(nodes, lambda node: node.public.get("/.well-known/jwks.json").body)
    assert len(set(published)) == 1
    assert database.sql("SELECT set_name, COUNT(*) FROM jwk GROUP BY set_name ORDER BY set_name") == [
        ["hydra.jwt.access-token", "1"], ["hydra.openid.id-token", "1"]]


def test_rotated_key(make_cluster):
    """While a key is changed: what any node signs, every node publishes at that moment; soon all sign with the new one."""
    cluster = make_cluster({"strategies": {"access_token": "jwt"}})
    client = cluster.create_client()
    assert cluster.access_token(client)
    assert cluster.nodes[1].admin.post("/admin/keys/hydra.jwt.access-token", json={"alg": "RS256", "use": "sig", "kid": "newer"}).status == 201
    began, used = time.monotonic(), []
    while time.monotonic() < began + 6:
        signers = on_each(cluster, lambda node: unpack(node.access_token(client))[0]["kid"])
        assert all(set(signers) <= published for published in on_each(cluster, kids)), signers
        used.append(set(signers))
    assert len(set.union(*used)) == 2 and used[-1] == {"newer"}, used
