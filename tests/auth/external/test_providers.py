"""RAYLENS_PROVIDERS: errors are one line without the secret."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from auth.external.providers import Provider, parse_providers

GOOGLE = {
    "name": "google",
    "issuer": "https://accounts.google.com",
    "client_id": "123.apps.googleusercontent.com",
    "client_secret": "GOCSPX-keep-me-to-yourself",
}
GITHUB = {"name": "github", "kind": "github", "client_id": "Iv1.1", "client_secret": "keep-me-to-yourself"}


def test_the_examples_of_the_documentation():
    google, github = parse_providers(json.dumps([GOOGLE, GITHUB]))
    assert (google.kind, google.title, google.scopes) == ("oidc", "Google", "openid profile email")
    assert google.registers
    assert (github.issuer, github.api_url) == ("https://github.com", "https://api.github.com")
    assert (github.title, github.scopes) == ("GitHub", "user:email")


def test_no_providers():
    assert parse_providers("") == parse_providers("[]") == ()


def test_github_enterprise():
    (github,) = parse_providers(json.dumps([GITHUB | {"issuer": "https://git.example.com/"}]))
    assert (github.issuer, github.api_url) == ("https://git.example.com", "https://git.example.com/api/v3")
    assert github.title == "Github"
    elsewhere = {"issuer": "https://us.ghe.com", "api_url": "https://api.us.ghe.com/", "title": "GitHub at work"}
    (github,) = parse_providers(json.dumps([GITHUB | elsewhere]))
    assert (github.api_url, github.title) == ("https://api.us.ghe.com", "GitHub at work")


def test_an_issuer_is_not_normalized():
    (auth0,) = parse_providers(json.dumps([GOOGLE | {"name": "my-auth0", "issuer": "https://us.auth0.com/"}]))
    assert (auth0.issuer, auth0.title) == ("https://us.auth0.com/", "My auth0")


def test_a_secret_in_a_file(tmp_path: Path):
    path = tmp_path / "secret"
    path.write_text("from a file\n")
    (google,) = parse_providers(json.dumps([without_secret(GOOGLE) | {"client_secret_file": str(path)}]))
    assert google.client_secret == "from a file"


def test_the_secret_is_not_in_the_repr():
    assert "yourself" not in repr(Provider.model_validate(GOOGLE))


def without_secret(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != "client_secret"}


@pytest.mark.parametrize(
    ("providers", "message"),
    [
        (GOOGLE, "must be a JSON list"),
        (["yourself"], "provider 1: Input should be a valid dictionary"),
        ([GOOGLE, GOOGLE], "the name google is used more than once"),
        ([GITHUB, without_secret(GOOGLE) | {"client_id": ""}], "provider 2: client_id: String should have at least 1"),
        ([GOOGLE | {"name": "Google"}], "provider 1: name: String should match pattern"),
        ([GOOGLE | {"issuer": ""}], "provider 1: issuer: required for an OpenID Connect provider"),
        ([GOOGLE | {"issuer": "http://idp.example"}], "provider 1: issuer: must begin with https://"),
        ([GOOGLE | {"issuer": "https://idp.example?tenant=1"}], "provider 1: issuer: must have no user, query"),
        ([GOOGLE | {"issuer": "https://me:yourself@idp.example"}], "provider 1: issuer: must have no user, query"),
        ([GOOGLE | {"issuer": "https://[idp.example"}], "provider 1: issuer: Invalid IPv6 URL"),
        ([GOOGLE | {"scopes": "email"}], "provider 1: scopes: must include openid"),
        ([GOOGLE | {"api_url": "https://api.example"}], "provider 1: api_url: only for kind github"),
        ([GOOGLE | {"client_secret": "ich behält's für mich yourself"}], "provider 1: client_secret: String should"),
        ([GOOGLE | {"client_secret": ["yourself"]}], "provider 1: client_secret: Input should be a valid string"),
        ([GOOGLE | {"secret": "yourself"}], "provider 1: secret: Extra inputs are not permitted"),
        (
            [GOOGLE | {"client_secret_file": "/none"}],
            "client_secret and client_secret_file exclude each other",
        ),
        ([without_secret(GOOGLE) | {"client_secret_file": "/none"}], "file /none cannot be read: FileNotFoundError"),
        ([without_secret(GITHUB)], "provider 1: GitHub needs client_secret or client_secret_file"),
    ],
)
def test_invalid_providers(providers: Any, message: str):
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        parse_providers(json.dumps(providers))
    text = str(caught.value)
    assert "\n" not in text
    assert "yourself" not in text


def test_invalid_json():
    for text in ("{'name': 'yourself'}", "google", "[" * 100_000):
        with pytest.raises(ValueError, match="is not valid JSON") as caught:
            parse_providers(text)
        assert "yourself" not in str(caught.value)


def test_http_on_loopback_addresses():
    for issuer in ("http://localhost:8080/realms/raylens", "http://127.0.0.1:9400", "http://[::1]:9400"):
        assert parse_providers(json.dumps([GOOGLE | {"issuer": issuer}]))[0].issuer == issuer
