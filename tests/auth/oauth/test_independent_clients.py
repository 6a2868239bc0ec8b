"""Independent client libraries, each through all steps against a real server."""

from collections.abc import Iterator
from typing import Any

import httpx
import jwt
import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from authlib.oidc.core import CodeIDToken
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import KeySet
from oauthlib.oauth2 import BackendApplicationClient, InvalidGrantError, WebApplicationClient
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session
from sqlalchemy import Engine

from tests.auth.application import Application
from tests.auth.oauth.node.program import NodeProgram
from tests.auth.oauth.oauth_server import PASSWORD, oauth_server_with_user
from tests.auth.oauth.partner import ALL_GRANTS, CALLBACK, SCOPES, SOURCE
from tests.auth.oauth.user_browser import browse

REQUESTED_SCOPES = "openid profile classify"


@pytest.fixture
def server(database: Engine) -> Iterator[Application]:
    with oauth_server_with_user(database) as application:
        yield application


@pytest.fixture
def issuer(server: Application) -> str:
    return server.auth.settings.public_url


@pytest.fixture
def registered(server: Application) -> tuple[str, str]:
    """Id and secret."""
    client, secret = server.auth.clients.create(
        "Partner",
        redirect_uris=[CALLBACK],
        scopes=SCOPES,
        grants=ALL_GRANTS,
        public=False,
        actor_id=None,
        source=SOURCE,
    )
    assert secret
    return client.id, secret


def test_requests_oauthlib(issuer: str, registered: tuple[str, str], monkeypatch: pytest.MonkeyPatch):
    """PyJWT verifies the id_token."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    client_id, secret = registered
    at = httpx.get(f"{issuer}/.well-known/openid-configuration").json()
    with OAuth2Session(client_id, redirect_uri=CALLBACK, scope=REQUESTED_SCOPES.split(), pkce="S256") as session:
        url, _ = session.authorization_url(at["authorization_endpoint"], nonce="a nonce")
        tokens = session.fetch_token(
            at["token_endpoint"], authorization_response=browse(url, "alice", PASSWORD), client_secret=secret
        )
        key = jwt.PyJWKClient(at["jwks_uri"]).get_signing_key_from_jwt(tokens["id_token"])
        claims = jwt.decode(
            tokens["id_token"],
            key.key,
            algorithms=["RS256"],
            audience=client_id,
            issuer=issuer,
            options={"require": ["exp", "iat", "nonce", "sub"]},
        )
        assert claims["nonce"] == "a nonce"
        assert session.get(at["userinfo_endpoint"]).json()["sub"] == claims["sub"]
        renewed = session.refresh_token(at["token_endpoint"], auth=(client_id, secret))
        assert renewed["access_token"] != tokens["access_token"]
        assert introspect(at, registered, renewed["access_token"])["username"] == "alice"
        revoke, headers, body = WebApplicationClient(client_id).prepare_token_revocation_request(
            at["revocation_endpoint"], renewed["refresh_token"], "refresh_token"
        )
        assert requests.post(revoke, data=body, headers=headers, auth=registered).status_code == 200
        assert introspect(at, registered, renewed["access_token"]) == {"active": False}
        with pytest.raises(InvalidGrantError):
            session.refresh_token(at["token_endpoint"], renewed["refresh_token"], auth=registered)
    with OAuth2Session(client=BackendApplicationClient(client_id, scope=["classify"])) as machine:
        own = machine.fetch_token(at["token_endpoint"], auth=HTTPBasicAuth(*registered))
        assert own["scope"] == ["classify"]


def introspect(at: dict[str, str], auth: tuple[str, str], token: str) -> dict[str, Any]:
    return dict(requests.post(at["introspection_endpoint"], data={"token": token}, auth=auth).json())


def test_authlib(issuer: str, registered: tuple[str, str]):
    at = httpx.get(f"{issuer}/.well-known/oauth-authorization-server").json()
    openid = httpx.get(f"{issuer}/.well-known/openid-configuration").json()
    verifier = "v" * 64
    with AuthlibSession(
        *registered, scope=REQUESTED_SCOPES, redirect_uri=CALLBACK, code_challenge_method="S256"
    ) as client:
        url, state = client.create_authorization_url(
            at["authorization_endpoint"], code_verifier=verifier, nonce="a nonce"
        )
        returned_url = browse(url, "alice", PASSWORD)
        tokens = client.fetch_token(
            at["token_endpoint"], authorization_response=returned_url, state=state, code_verifier=verifier
        )
        keys = KeySet.import_key_set(httpx.get(at["jwks_uri"]).json())
        decoded = joserfc_jwt.decode(tokens["id_token"], keys, ["RS256"])
        options = {"iss": {"value": issuer}, "aud": {"value": registered[0]}}
        params = {"nonce": "a nonce", "access_token": tokens["access_token"], "client_id": registered[0]}
        claims = CodeIDToken(decoded.claims, decoded.header, options, params)
        claims.validate()
        assert client.get(openid["userinfo_endpoint"]).json()["sub"] == claims["sub"]
        renewed = client.refresh_token(at["token_endpoint"])
        assert renewed["refresh_token"] != tokens["refresh_token"]
        result = client.introspect_token(at["introspection_endpoint"], renewed["access_token"])
        assert result.json()["username"] == "alice"
        assert client.revoke_token(at["revocation_endpoint"], renewed["refresh_token"]).status_code == 200
        result = client.introspect_token(at["introspection_endpoint"], renewed["access_token"])
        assert result.json() == {"active": False}
    with AuthlibSession(*registered, scope="classify") as machine:
        own = machine.fetch_token(at["token_endpoint"], grant_type="client_credentials")
        assert (own["scope"], own["expires_in"]) == ("classify", 900)


@pytest.mark.parametrize("library", ["oauth4webapi", "openid-client"])
def test_node(node: NodeProgram, library: str, issuer: str, registered: tuple[str, str]):
    """The libraries verify iss, nonce, auth_time, at_hash, the signature, and the form of every response."""
    result = node.run(library, issuer, *registered, CALLBACK, visit=lambda url: browse(url, "alice", PASSWORD))
    assert result["username"] == "alice"
    assert result["scope"] == result["renewed"] == "classify openid profile"
    assert (result["before"]["active"], result["before"]["sub"]) == (True, result["sub"])
    assert result["after"] == {"active": False}
    assert (result["own"]["scope"], result["own"]["token_type"]) == ("classify", "bearer")
    assert result["refused"] == "invalid_grant"
