"""Stored credentials for tests."""

import time

from serve_app.cli.credential import OAuthEndpoints, OAuthSignIn, StoredCredential


def signed_in(
    url: str, *, access: str = "rla_first", refresh: str = "rlr_first", seconds_left: float = 600.0
) -> StoredCredential:
    endpoints = OAuthEndpoints(
        issuer=url,
        authorization_endpoint=f"{url}/oauth/authorize",
        token_endpoint=f"{url}/oauth/token",
        revocation_endpoint=f"{url}/oauth/revoke",
    )
    now = time.time()
    sign_in = OAuthSignIn(endpoints=endpoints, refresh_token=refresh, expires_at=now + seconds_left, since=now)
    return StoredCredential(server=url, token=access, username="alice", scopes=("classify",), sign_in=sign_in)


def api_key(url: str, key: str = "rlk_stored") -> StoredCredential:
    return StoredCredential(server=url, token=key, username="alice", scopes=("classify",))
