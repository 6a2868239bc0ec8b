"""Credentials as a sign-in leaves them."""

import time

from serve_app.cli.credential import Credential, Endpoints, SignIn


def signed_in(
    url: str, *, access: str = "rla_first", refresh: str = "rlr_first", seconds_left: float = 600.0
) -> Credential:
    endpoints = Endpoints(
        issuer=url,
        authorization_endpoint=f"{url}/oauth/authorize",
        token_endpoint=f"{url}/oauth/token",
        revocation_endpoint=f"{url}/oauth/revoke",
    )
    now = time.time()
    sign_in = SignIn(endpoints=endpoints, refresh_token=refresh, expires_at=now + seconds_left, since=now)
    return Credential(server=url, token=access, username="alice", scopes=("classify",), sign_in=sign_in)


def api_key(url: str, key: str = "rlk_stored") -> Credential:
    return Credential(server=url, token=key, username="alice", scopes=("classify",))
