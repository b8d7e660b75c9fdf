"""What the tests of a person's tokens share: redeeming, refreshing, looking into a JWT, many tries at once."""

import base64
import concurrent.futures
import hashlib
import json

from flow_support import CALLBACK, Browser


def pair(client):
    return client["client_id"], client["client_secret"]


def code_for(server, client, **more):
    return Browser(server).flow(client, **more).query["code"]


def redeem(server, client, code, *, by=None, redirect_uri=CALLBACK, **form):
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, **form}
    return server.public.post("/oauth2/token", form={k: v for k, v in fields.items() if v is not None}, basic=pair(by or client))


def refresh(server, client, token, **form):
    return server.public.post("/oauth2/token", form={"grant_type": "refresh_token", "refresh_token": token, **form}, basic=pair(client))


def tokens_for(server, client, **more):
    answer = redeem(server, client, code_for(server, client, **more))
    assert answer.status == 200, answer
    return answer.json


def active(server, token):
    return server.introspect(token)["active"]


def unpack(token):
    def part(text):
        return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    head, body, _ = token.split(".")
    return part(head), part(body)


def half_hash(text):
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:16]).decode().rstrip("=")


def refused(answer, status, error, text=""):
    assert answer.status == status, answer
    assert answer.headers["Cache-Control"] == "no-store" and answer.headers["Pragma"] == "no-cache", answer.headers
    assert sorted(answer.json) == ["error", "error_description"], answer
    assert answer.json["error"] == error and text in answer.json["error_description"], answer


def at_once(count, work):
    """The results of `count` calls that run together."""
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return [job.result() for job in [pool.submit(work) for _ in range(count)]]
