"""Discovery documents."""

from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from authlib.oidc.discovery import OpenIDProviderMetadata

from auth.oauth.metadata import metadata, openid_metadata
from tests.auth.application import Application


async def test_discovery(application: Application):
    async with application.client() as client:
        openid = await client.get("/.well-known/openid-configuration")
        plain = await client.get("/.well-known/oauth-authorization-server")
        jwks = await client.get("/oauth/jwks")
    assert plain.json().items() <= openid.json().items()
    for response in (openid, plain, jwks):
        assert response.headers["cache-control"] == "public, max-age=300"
    document = openid.json()
    assert document["issuer"] == "http://localhost:8000"
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["request_uri_parameter_supported"] is False, "the default is true"
    assert document["authorization_response_iss_parameter_supported"] is True


async def test_every_endpoint_exists(application: Application):
    endpoints = [value for name, value in openid_metadata("http://localhost:8000").items() if is_endpoint(name)]
    assert len(endpoints) == 6
    async with application.client() as client:
        for endpoint in endpoints:
            assert (await client.get(endpoint)).status_code != 404, endpoint


def is_endpoint(name: str) -> bool:
    return name.endswith("_endpoint") or name == "jwks_uri"


def test_discovery_conforms_to_the_standards():
    AuthorizationServerMetadata(metadata("https://raylens.example")).validate()
    OpenIDProviderMetadata(openid_metadata("https://raylens.example")).validate()
