"""migrate hydra: what a small Hydra database holds goes on to work, on our own or on the same database, in one run or in several."""

import json
import os
import signal
import subprocess
import time

import pytest

from databases import PATH, shared
from harness import DATABASE, GRANTD, SECRET, File, Server, run_grantd
from hydra_database import HydraDatabase

OTHER = "another-hydra-secret-of-long-ago"
WEB = ("web", "web-secret")


class Takeover:
    """A Hydra database and a grantd that takes it over."""

    def __init__(self, folder, v1=False, **more):
        self.folder = folder
        self.hydra = HydraDatabase(folder / "hydra.sqlite", SECRET, v1=v1, **more)
        self.hydra.client(*WEB)
        self.hydra.jwk()
        self.server = Server(folder / "server", {"oauth2": {"allowed_top_level_claims": []}}, keys=False)

    def run(self, *arguments, source=None, env=None):
        self.server.write_config()
        return run_grantd("migrate", "hydra", "-c", str(self.server.config_file), "--dev", "--from", source or self.hydra.dsn,
                          "--format", "json", *arguments, env={**self.server.env, **(env or {})}, cwd=self.server.folder)

    def report(self, *arguments, code=0, **more):
        done = self.run(*arguments, **more)
        assert done.returncode == code, (done.stdout, done.stderr)
        return {kind["kind"]: kind for kind in json.loads(done.stdout)["kinds"]}

    def refused(self, *texts, **more):
        """Exit status 1, a reason, and nothing written."""
        done = self.run(**more)
        assert done.returncode == 1 and done.stdout == "", (done.stdout, done.stderr)
        for text in texts:
            assert text in done.stderr, done.stderr
        if DATABASE == "sqlite":
            assert self.server.database.untouched()
        else:
            assert self.server.database.sql("SELECT COUNT(*) FROM client") == [["0"]]

    def serve(self):
        self.report()
        return self.server.start()

    def redeem(self, client=WEB, **form):
        return self.server.public.post("/oauth2/token", form=form, basic=client)

    def refresh(self, token, client=WEB):
        return self.redeem(client, grant_type="refresh_token", refresh_token=token)

    def exchange(self, code, client=WEB, **form):
        return self.redeem(client, grant_type="authorization_code", code=code, redirect_uri="https://app.example/cb", **form)

    def active(self, token):
        return self.server.introspect(token)["active"]


@pytest.fixture(params=["current", "v1"])
def both(tmp_path, request):
    """The present form, and that of v1.10.3."""
    job = Takeover(tmp_path, v1=request.param == "v1")
    yield job
    job.server.close()


@pytest.fixture
def job(tmp_path):
    job = Takeover(tmp_path)
    yield job
    job.server.close()


def counted(report, **kinds):
    for kind, brought in kinds.items():
        assert report[kind.replace("_", " ")]["brought"] == brought, report
    return report


# ---- what goes on to work ----

def test_clients(both):
    both.hydra.client("second", secret="another-secret", client_name="Second Ä", owner="me")
    server = both.serve()
    client = server.admin.get("/admin/clients/second").json
    assert (client["client_name"], client["owner"], client["redirect_uris"]) == ("Second Ä", "me", ["https://app.example/cb"])
    form = {"grant_type": "client_credentials", "scope": "read"}
    assert both.redeem(("second", "another-secret"), **form).status == 200
    assert both.redeem(("second", "wrong-secret"), **form).status == 401


def test_rotated_secrets_and_registration(job):
    old = HydraDatabase(job.folder / "scratch.sqlite", SECRET)
    old.client("web", secret="old-secret-1")
    hashed = old.db.execute("SELECT client_secret FROM hydra_client").fetchone()[0]
    job.hydra.db.execute("UPDATE hydra_client SET rotated_secrets = ?", (json.dumps([hashed]).encode(),))
    token = job.hydra.registration_token("web")
    server = job.serve()
    for secret in ("web-secret", "old-secret-1"):
        assert job.redeem(("web", secret), grant_type="client_credentials").status == 200
    assert server.public.get("/oauth2/register/web", bearer=token).status in (200, 404)     # 404: registration is switched off
    server.stop()
    server.config["oidc"] = {"dynamic_client_registration": {"enabled": True}}
    server.start()
    assert server.public.get("/oauth2/register/web", bearer=token).status == 200
    assert server.public.get("/oauth2/register/web", bearer=token[:-4] + "AAAA").status == 401


def test_signing_keys(both):
    key = both.hydra.jwk()
    server = both.serve()
    published = {k["kid"]: k for k in server.public.get("/.well-known/jwks.json").json["keys"]}
    assert published[key["kid"]]["x"] == key["x"] and "d" not in published[key["kid"]]


def test_tokens(both):
    family = both.hydra.consent("web", "alice")
    own = both.hydra.client_token("web")
    server = both.serve()
    seen = server.introspect(family.access)
    assert (seen["sub"], seen["client_id"], seen["scope"], seen["ext"]) == ("alice", "web", "openid offline read", {"role": "member"})
    assert seen["exp"] == int(both.hydra.now) + 3600 and seen["iat"] == int(both.hydra.now)
    assert both.active(family.refresh) and server.introspect(own)["sub"] == "web"
    assert server.public.get("/userinfo", bearer=family.access).json["email"] == "alice@example.com"


def test_refresh(both):
    family = both.hydra.consent("web", "alice")
    both.serve()
    first = both.refresh(family.refresh)
    assert first.status == 200 and not both.active(family.access)
    second = both.refresh(first.json["refresh_token"]).json
    assert both.active(second["access_token"])
    assert both.refresh(family.refresh).json["error"] == "invalid_grant"
    assert not both.active(second["access_token"]) and not both.active(second["refresh_token"])


def test_reuse_of_one_used_before(both):
    """RFC 9700 4.14.2: it ends the family, wherever its first use was."""
    family = both.hydra.consent("web", "alice", rotations=3)
    both.serve()
    assert both.active(family.access) and not both.active(family.used_refresh[1])
    assert both.refresh(family.used_refresh[1]).json["error"] == "invalid_grant"
    assert not both.active(family.access) and not both.active(family.refresh)


@pytest.mark.parametrize("pkce", [None, "S256", "plain"])
def test_code(both, pkce):
    family = both.hydra.consent("web", "alice", state="code", pkce=pkce)
    both.serve()
    more = {"code_verifier": family.verifier} if pkce else {}
    answer = both.exchange(family.code, **more)
    assert answer.status == 200, answer
    assert both.active(answer.json["access_token"])
    assert both.exchange(family.code, **more).json["error"] == "invalid_grant"
    assert not both.active(answer.json["access_token"])


def test_code_with_the_wrong_verifier(both):
    for verifier in (None, "x" * 50):
        family = both.hydra.consent("web", "alice", state="code", pkce="S256")
        both.serve()
        form = {"code_verifier": verifier} if verifier else {}
        assert both.exchange(family.code, **form).json["error"] == "invalid_grant"
        both.server.stop()


def test_code_used_before(both):
    """RFC 6749 4.1.2: "SHOULD revoke (when possible) all tokens previously issued based on that authorization code"."""
    family = both.hydra.consent("web", "alice")
    both.serve()
    assert both.exchange(family.code).json["error"] == "invalid_grant"
    assert not both.active(family.access)


def test_revoking(both):
    family, consented = both.hydra.consent("web", "alice"), both.hydra.consent("web", "bob")
    server = both.serve()
    assert server.public.post("/oauth2/revoke", form={"token": family.refresh}, basic=WEB).status == 200
    assert not both.active(family.access)
    assert server.admin.delete("/admin/oauth2/auth/sessions/consent", query={"subject": "bob", "client": "web"}).status == 204
    assert not both.active(consented.access)


def test_another_clients_token(both):
    both.hydra.client("second", secret="another-secret")
    family = both.hydra.consent("web", "alice")
    both.serve()
    assert both.refresh(family.refresh, ("second", "another-secret")).json["error"] == "invalid_grant"
    assert both.active(family.refresh)


def test_consents_and_sessions(both):
    both.hydra.consent("web", "alice", state="none")
    both.hydra.consent("web", "carol", state="none", remember=False)
    sid = both.hydra.session("bob")
    server = both.serve()
    listed = server.admin.get("/admin/oauth2/auth/sessions/consent", query={"subject": "alice"}).json
    assert [(c["grant_scope"], c["remember"]) for c in listed] == [(["openid", "offline", "read"], True)]
    assert server.admin.get("/admin/oauth2/auth/sessions/consent", query={"subject": "carol"}).json == []
    assert server.database.sql(f"SELECT subject, remember FROM login_session WHERE id = '{sid}'") == [["bob", "1"]]


def test_small_kinds(job):
    job.hydra.trust("https://issuer.example", "alice@example.com")
    job.hydra.forced_subject("web", "alice", "shop-alice")
    job.hydra.jti("an-assertion")
    code, _ = job.hydra.device("web")
    report = counted(job.report(), trusted_issuers=1, subject_identifiers=1, used_assertions=1, device_codes=1)
    assert report["keys"]["brought"] == 2
    server = job.server.start()
    trusted, = server.admin.get("/admin/trust/grants/jwt-bearer/issuers").json
    assert (trusted["issuer"], trusted["scope"]) == ("https://issuer.example", ["read", "write"])
    assert server.database.sql("SELECT alias FROM alias") == [["shop-alice"]]
    poll = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": code}
    assert job.redeem(**poll).json["error"] == "unauthorized_client"
    client = server.admin.get("/admin/clients/web").json
    client["grant_types"].append(poll["grant_type"])
    assert server.admin.put("/admin/clients/web", json=client).status == 200
    assert job.redeem(**poll).json["error"] == "authorization_pending"


def test_upgraded_from_v1(job):
    """Hydra's own upgrade left consents as failed logins without a subject; their tokens work."""
    family, alone = job.hydra.consent("web", "alice"), job.hydra.consent("web", "bob", state="none")
    refused = job.hydra.consent("web", "carol")
    job.hydra.db.execute("UPDATE hydra_oauth2_flow SET state = 128, login_error = '{}', subject = ''")
    job.hydra.db.execute("UPDATE hydra_oauth2_flow SET login_error = '{\"error\":\"no\"}' WHERE consent_challenge_id = ?", (refused.id,))
    report = job.report()
    assert report["consents"]["brought"] == 1 and report["consents"]["left_out"]["unusable"] == 1 and alone.id
    server = job.server.start()
    assert server.introspect(family.access)["sub"] == "alice" and not job.active(refused.access)
    assert job.refresh(family.refresh).status == 200


# ---- what does not come ----

def test_what_is_left_out(job):
    job.hydra.consent("web", "alice", life=-10, remember=False)     # expired, and not remembered
    job.hydra.consent("nobody", "alice")                            # its client is gone
    job.hydra.jti("long-ago", life=-10)
    job.hydra.session("dave", life=-10)
    job.hydra.client_token("web", life=-10)
    broken = job.hydra.consent("web", "erin", remember=False)
    job.hydra.db.execute("UPDATE hydra_oauth2_access SET session_data = 'garbage' WHERE challenge_id = ?", (broken.id,))
    report = job.report()
    assert report["consents"]["left_out"] == {"expired": 1, "no_owner": 1, "sealed": 0, "unusable": 0}
    assert report["tokens and codes"]["left_out"]["sealed"] == 1 and report["tokens and codes"]["left_out"]["no_owner"] == 3
    assert report["used assertions"]["left_out"]["expired"] == report["clients' own tokens"]["left_out"]["expired"] == 1
    job.server.start()
    assert not job.active(broken.access) and job.active(broken.refresh)


def test_token_of_a_stranger(job):
    """One with a signature of ours, that no row is for, and one of another secret."""
    job.hydra.consent("web", "alice")
    stranger = HydraDatabase(job.folder / "stranger.sqlite", OTHER)
    job.serve()
    assert not job.active(job.hydra.token("ory_at_")[0]) and not job.active(stranger.token("ory_at_")[0])


# ---- dry run, verify, formats ----

def test_dry_run(job):
    job.hydra.consent("web", "alice", rotations=1)
    before = job.server.database.dump() if job.server.database.tables() else None
    report = job.report("--dry-run")
    assert {name: kind["would_bring"] for name, kind in report.items() if kind["would_bring"]} == {
        "clients": 1, "keys": 1, "login sessions": 1, "consents": 1, "tokens and codes": 4}
    after = job.server.database.dump() if job.server.database.tables() else None
    assert after == before


def test_verify(job):
    job.hydra.consent("web", "alice")
    job.report()
    report = job.report("--verify")
    assert sum(kind["missing"] + kind["changed_here"] for kind in report.values()) == 0 and report["tokens and codes"]["same"] == 3
    job.server.database.sql("DELETE FROM oauth_grant")
    job.server.database.sql("DELETE FROM earlier_token")
    done = job.run("--verify")
    assert done.returncode == 1 and "4 rows are not there" in done.stderr


def test_issuer(job):
    job.hydra.consent("web", "alice")
    assert "Hydra's issuer was http://x, urls.self.issuer" in job.run("--dry-run").stderr
    job.server.config["urls"]["self"]["issuer"] = "http://x/"
    assert "Hydra's issuer" not in job.run("--dry-run").stderr


def test_table(job):
    job.server.write_config()
    done = run_grantd("migrate", "hydra", "-c", str(job.server.config_file), "--dev", env={**job.server.env, "HYDRA_DSN": job.hydra.dsn},
                      cwd=job.server.folder)
    assert done.returncode == 0 and done.stdout.splitlines()[0].split("\t")[0] == "KIND"
    assert "clients: 1\n" in done.stderr and SECRET not in done.stderr + done.stdout


# ---- again ----

def unchanged(report):
    return all(kind["brought"] == kind["again"] == 0 for kind in report.values())


def test_again(both):
    both.hydra.consent("web", "alice", rotations=1)
    both.hydra.consent("web", "bob", state="code")
    both.hydra.client_token("web")
    both.report()
    before = both.server.database.dump()
    assert unchanged(both.report())
    assert both.server.database.dump() == before
    later = both.hydra.consent("web", "carol")
    report = both.report()
    assert report["consents"]["brought"] == 1 and report["tokens and codes"]["brought"] == 3
    both.server.start()
    assert both.active(later.access)


def test_went_on_there(both):
    """A code was redeemed, and a refresh token used, at Hydra between two runs."""
    rotated, redeemed = both.hydra.consent("web", "alice"), both.hydra.consent("web", "bob", state="code")
    old, code = rotated.access, redeemed.code
    both.report()
    both.hydra.rotate(rotated, "web", "alice")
    both.hydra.db.execute("UPDATE hydra_oauth2_code SET active = 0 WHERE challenge_id = ?", (redeemed.id,))
    both.hydra.put_tokens(redeemed, "web", "bob", "", 0, 3600)
    report = both.report()
    assert report["consents"]["again"] == 2
    both.server.start()
    assert both.active(rotated.access) and both.active(redeemed.access)
    assert both.refresh(rotated.refresh).status == 200 and not both.active(old)
    assert both.refresh(rotated.used_refresh[0]).json["error"] == "invalid_grant"
    assert both.exchange(code).json["error"] == "invalid_grant" and not both.active(redeemed.access)


@pytest.mark.parametrize("remember", [True, False])
def test_revoked_there(both, remember):
    """A token was revoked at Hydra between two runs."""
    family, other = both.hydra.consent("web", "alice", remember=remember), both.hydra.consent("web", "bob")
    both.report()
    for kind in ("access", "refresh"):
        both.hydra.db.execute(f"DELETE FROM hydra_oauth2_{kind} WHERE challenge_id = ?", (family.id,))
    assert both.report()["consents"]["again"] == 1
    assert unchanged(both.report())
    both.server.start()
    assert not both.active(family.access) and not both.active(family.refresh) and both.active(other.access)


def test_nothing_comes_back(job):
    """What was ended here stays ended, whatever Hydra's database says."""
    hydra = job.hydra
    hydra.client("doomed", secret="doomed-secret")
    revoked, rotated, doomed = hydra.consent("web", "alice"), hydra.consent("web", "bob"), hydra.consent("doomed", "carol")
    own, sid, key = hydra.client_token("web"), hydra.session("dave"), hydra.jwk("old-set", "old-key")
    server = job.serve()
    server.public.post("/oauth2/revoke", form={"token": revoked.access}, basic=WEB)
    server.public.post("/oauth2/revoke", form={"token": own}, basic=WEB)
    fresh = job.refresh(rotated.refresh).json
    assert server.admin.delete("/admin/clients/doomed").status == 204
    assert server.admin.delete("/admin/oauth2/auth/sessions/login", query={"sid": sid}).status == 204
    assert server.admin.delete("/admin/keys/old-set").status == 204
    server.stop()
    report = job.report()
    assert unchanged(report), report
    verified = job.report("--verify")       # what ended here is no fault
    assert verified["consents"]["changed_here"] == 2 and verified["consents"]["left_out"]["no_owner"] == 1
    server.start()
    assert not job.active(revoked.access) and not job.active(own) and not job.active(doomed.access)
    assert job.active(fresh["access_token"]) and not job.active(rotated.access)
    assert server.admin.get("/admin/clients/doomed").status == 404 and server.admin.get("/admin/keys/old-set").status == 404
    assert server.database.sql(f"SELECT id FROM login_session WHERE id = '{sid}'") == [] and key["kid"] == "old-key"


def test_client_changed_there(job):
    """Changed only there: brought again. Changed here, too: ours stays."""
    job.hydra.client("both", secret="both-secret")
    server = job.serve()
    client = server.admin.get("/admin/clients/both").json
    assert server.admin.put("/admin/clients/both", json={**client, "client_name": "ours"}).status == 200
    server.stop()
    later = time.strftime("%Y-%m-%d %H:%M:%S+00:00", time.gmtime(time.time() + 60))
    job.hydra.db.execute("UPDATE hydra_client SET client_name = 'theirs', updated_at = ?", (later,))
    report = job.report()
    assert (report["clients"]["again"], report["clients"]["known"]) == (1, 1)
    server.start()
    assert [server.admin.get(f"/admin/clients/{name}").json["client_name"] for name in ("web", "both")] == ["theirs", "ours"]


def many(hydra, n):
    hydra.db.execute("BEGIN")
    families = [hydra.consent("web", f"user-{i}", rotations=1) for i in range(n)]
    hydra.db.execute("COMMIT")
    return families


def test_killed_and_resumed(job):
    """SIGKILL at several moments: the next run completes what is not there, and the end is as if nothing had happened."""
    families = many(job.hydra, 700)
    job.server.write_config()
    command = [GRANTD, "migrate", "hydra", "-c", str(job.server.config_file), "--dev", "--from", job.hydra.dsn]
    killed = 0
    for pause in (0.02, 0.04, 0.07, 0.15, 0.25, 0.4, 0.6):
        process = subprocess.Popen(command, env=job.server.env, cwd=job.server.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
    assert killed > 0
    job.report()
    report = job.report("--verify")
    assert report["consents"]["same"] == 700 and report["tokens and codes"]["same"] == 2800
    job.server.start()
    assert all(job.active(family.access) for family in families[::70])


# ---- the same database ----

@pytest.mark.skipif(DATABASE == "sqlite", reason="needs a database server")
def test_from_a_database_server(both):
    """The same rows in the types that Hydra has there, into another database of that server and into the same one."""
    hydra, server = both.hydra, shared(DATABASE)
    family, waiting = hydra.consent("web", "alice", rotations=2), hydra.consent("web", "bob", state="code", pkce="S256")
    own = hydra.client_token("web")
    hydra.forced_subject("web", "alice", "shop-alice")
    hydra.jti("an-assertion")
    if not hydra.v1:
        hydra.trust("https://issuer.example", "alice@example.com")
        hydra.device("web")
    name = server.create()
    server.sql(hydra.script(DATABASE), name)
    apart, expected = both.report(source=server.dsn(name)), both.report("--dry-run")
    assert [kind["brought"] for kind in apart.values()] == [kind["would_bring"] for kind in expected.values()]
    assert unchanged(both.report(source=server.dsn(name)))
    together = Server(both.folder / "together", dsn=server.dsn(name))
    together.write_config()
    done = run_grantd("migrate", "hydra", "-c", str(together.config_file), "--dev", "--from", server.dsn(name), "--format", "json",
                      env=together.env, cwd=both.folder)
    assert done.returncode == 0, done.stderr
    both.server.start()
    assert both.active(family.access) and both.active(own) and both.server.introspect(family.access)["iat"] == int(hydra.now) + 2
    assert both.exchange(waiting.code, code_verifier=waiting.verifier).status == 200
    assert both.refresh(family.used_refresh[0]).json["error"] == "invalid_grant" and not both.active(family.access)
    together.start()
    assert together.introspect(family.access)["active"]
    together.close()
    server.drop(name)


def test_more_used_tokens_than_a_page_holds(job):
    """Of several consents, so that pages end within one and between two."""
    job.hydra.db.execute("BEGIN")
    families = [job.hydra.consent("web", f"user-{rotations}", rotations=rotations) for rotations in (1500, 0, 700, 1300)]
    job.hydra.db.execute("COMMIT")
    report = job.report()
    assert report["tokens and codes"]["found"] == report["tokens and codes"]["brought"] == 3500 + 3 * 4
    verified = job.report("--verify")
    assert verified["tokens and codes"]["same"] == 3500 + 3 * 4
    job.server.start()
    for family in (families[0], families[2], families[3]):
        assert job.refresh(family.used_refresh[len(family.used_refresh) // 2]).json["error"] == "invalid_grant"
        assert not job.active(family.access)
    assert job.active(families[1].access)


@pytest.mark.skipif(DATABASE != "postgres", reason="holds up a statement by a lock")
def test_a_slow_source_is_waited_for(job):
    """To count a large table takes longer than a server has for a request."""
    server = shared(DATABASE)
    name = server.create()
    server.sql(job.hydra.script(DATABASE), name)
    command, env = server.client_command(name)
    holder = subprocess.Popen(command, env={**os.environ, "PATH": PATH, **env}, stdin=subprocess.PIPE, text=True)
    with holder, holder.stdin:
        holder.stdin.write("BEGIN; LOCK TABLE hydra_oauth2_flow; SELECT pg_sleep(10); COMMIT;\n")
        holder.stdin.flush()
        while server.sql("SELECT COUNT(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted", name) == [["0"]]:
            time.sleep(0.1)
        job.report("--dry-run", source=server.dsn(name))
    server.drop(name)


@pytest.mark.sqlite
def test_into_the_same_database(tmp_path):
    hydra = HydraDatabase(tmp_path / "db.sqlite", SECRET)
    hydra.client(*WEB)
    hydra.jwk()
    family = hydra.consent("web", "alice")
    hydra.db.close()
    server = Server(tmp_path / "server", dsn=hydra.dsn)
    server.write_config()
    done = run_grantd("migrate", "hydra", "-c", str(server.config_file), "--dev", "--from", hydra.dsn, env=server.env, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    server.start()
    assert server.introspect(family.access)["active"]
    server.close()


@pytest.mark.sqlite
def test_serve_says_what_to_do(tmp_path):
    """On a Hydra database that was not taken over, until it was."""
    hydra = HydraDatabase(tmp_path / "db.sqlite", SECRET)
    hydra.client(*WEB)
    hydra.jwk()
    hydra.db.close()
    server = Server(tmp_path / "server", dsn=hydra.dsn)
    said = "grantd migrate hydra"
    server.start()
    server.stop()
    assert server.log.count(said) == 1
    done = run_grantd("migrate", "sql", "up", "-e", "--yes", env=server.env, cwd=tmp_path)
    assert done.returncode == 0 and said in done.stderr
    done = run_grantd("migrate", "hydra", "-c", str(server.config_file), "--dev", "--from", hydra.dsn, env=server.env, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    server.start()
    server.stop()
    assert server.log.count(said) == 1
    server.close()


# ---- refusals: each leaves our database as it was ----

def test_wrong_secrets(job):
    other = HydraDatabase(job.folder / "other.sqlite", OTHER)
    other.jwk()
    other.client(*WEB)
    job.refused("does not open with these secrets", "--secrets", source=other.dsn)


def test_secrets_given(job):
    other = HydraDatabase(job.folder / "other.sqlite", OTHER)
    other.jwk()
    other.client(*WEB)
    other.consent("web", "alice")
    done = job.run("--secrets", f"{SECRET},{OTHER}", source=other.dsn)
    assert done.returncode == 0 and "lacks one of Hydra's secrets" in done.stderr and OTHER not in done.stderr
    assert job.report("--verify", source=other.dsn, env={"HYDRA_SECRETS_SYSTEM": OTHER})["tokens and codes"]["same"] == 3


@pytest.mark.parametrize("version, text", [
    ("20230512112801000001", "Upgrade it with Hydra's own"),        # 2.1
    ("20210928155900000000", "Upgrade it with Hydra's own"),        # a later 1.10
    ("20251030112808000000", "Upgrade it with Hydra's own"),        # just before 25.4.0
    ("20260420120000000002", "newer than what this version"),
    ("20990101000000000000", "newer than what this version"),
])
def test_unknown_version(job, version, text):
    source = HydraDatabase(job.folder / "versioned.sqlite", SECRET, version=version)
    job.refused(version, text, source=source.dsn)


@pytest.mark.parametrize("damage, text", [
    ("DROP TABLE hydra_jwk", "This is no Hydra database"),
    ("DROP TABLE schema_migration", "This is no Hydra database"),
    ("DROP TABLE networks", "has no table \"networks\""),
    ("DELETE FROM networks", "no network"),
    ("DELETE FROM schema_migration", "schema_migration is empty"),
])
def test_damaged(job, damage, text):
    job.hydra.db.execute(damage)
    job.refused(text)


def test_no_database(job):
    missing = job.folder / "nowhere.sqlite"
    job.refused("cannot be opened", source=f"sqlite://{missing}")
    assert not missing.exists()
    empty = File(job.folder, "empty")
    empty.sql("CREATE TABLE something_else (id TEXT)")
    job.refused("This is no Hydra database", source=empty.dsn)
    job.refused("unsupported DSN type", source="oracle://x")


def test_usage(job):
    for arguments, text in ([("--dry-run", "--verify"), "cannot be combined"],):
        done = job.run(*arguments)
        assert done.returncode == 1 and text in done.stderr
    done = run_grantd("migrate", "hydra", "-c", str(job.server.config_file), "--dev", env=job.server.env, cwd=job.folder)
    assert done.returncode == 1 and "--from is missing" in done.stderr
    help_text = run_grantd("migrate", "hydra", "--help", env=job.server.env, cwd=job.folder).stdout
    assert "--verify" in help_text and "stop Hydra" in help_text


def test_source_is_only_read(job):
    job.hydra.consent("web", "alice")
    job.hydra.db.close()
    path = job.folder / "hydra.sqlite"
    before = path.read_bytes()
    os.chmod(path, 0o400)
    job.report()
    job.report("--verify")
    assert path.read_bytes() == before
