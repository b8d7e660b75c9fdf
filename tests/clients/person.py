"""The person who signs in, with the operator's apps, for clients written in Python: flow_support's browser, led to the end."""

from flow_support import Browser, accept, get_request


def agree(server, url, subject="alice", browser=None):
    """Follows the URL that a client's library made, agreeing to everything; returns the URL at which the client is called back."""
    browser = browser or Browser(server)
    while url.startswith(server.public.url):
        redirect = browser.get(url)
        url = redirect.url
        if challenge := redirect.query.get("login_challenge"):
            url = accept(server, "login", challenge, {"subject": subject, "remember": True})
        elif challenge := redirect.query.get("consent_challenge"):
            asked = get_request(server, "consent", challenge).json
            url = accept(server, "consent", challenge, {"grant_scope": asked["requested_scope"],
                                                        "grant_access_token_audience": asked["requested_access_token_audience"],
                                                        "session": {"id_token": {"email": f"{subject}@example.com"}}})
        elif challenge := redirect.query.get("logout_challenge"):
            url = accept(server, "logout", challenge)
    return url
