"""Which redirect URIs can be registered, and which requested ones match."""

from dataclasses import replace

import pytest

from auth.oauth.clients import CLI_CLIENT
from auth.oauth.redirect_uris import csp_source, may_be_registered
from tests.auth.oauth.partner import CALLBACK

VALID = [
    "https://partner.example",
    "https://partner.example:8443/a/b?c=d&e=%20",
    "https://[2001:db8::1]/callback",
    "http://127.0.0.1/callback",
    "http://127.0.0.1:8123/",
    "http://[::1]:1/",
    "http://localhost:3000/callback",
    "com.example.app:/callback",
]
INVALID = [
    "",
    "/callback",
    "partner.example/callback",
    "http://partner.example/",
    "http://127.0.0.1.evil.example/",
    "http://localhost.evil.example/",
    "https://",
    "https://user@partner.example/",
    "https://partner.example/#part",
    "https://partner.example/ ",
    "https://partner.example/\n",
    "https://partner.example\\@evil.example/",
    "https://partner.example;script-src/",
    "https://*.partner.example/",
    "https://partner.example/€",
    "https://partner.example/'\"<>",
    "javascript:alert(1)",
    "data:text/html,x",
    "app:/callback",
    "com.example.app:callback",
    "partner",
    "https://partner.example/callback#",
    "https://user:secret@partner.example/",
    "http://localhost@evil.example/",
    "https://partner.example/*",
    "https://pärtner.example/",
    "https:///callback",
    "file:///etc/passwd",
    "https://partner.example:\uff18\uff10/",
    "http://localhost:\u0663\u0660\u0660\u0660/",
    "https://partner.example:65536/",
    "https://partner.example:0/",
    "https://[:::1]/",
    "https://partner.example/\ud800",
    "https://partner.example/" + "x" * 2000,
]


def test_valid_and_invalid_uris():
    assert [uri for uri in VALID + INVALID if may_be_registered(uri)] == VALID


@pytest.mark.parametrize(
    ("registered", "requested", "matches"),
    [
        ("http://127.0.0.1/callback", "http://127.0.0.1:51004/callback", True),
        ("http://127.0.0.1:8000/callback", "http://127.0.0.1/callback", True),
        ("http://[::1]/callback", "http://[::1]:51004/callback", True),
        ("http://127.0.0.1", "http://127.0.0.1:1", True),
        ("http://127.0.0.1/callback", "http://[::1]:51004/callback", False),
        ("http://127.0.0.1/callback", "http://localhost:51004/callback", False),
        ("http://127.0.0.1/callback", "https://127.0.0.1:51004/callback", False),
        ("http://127.0.0.1/callback", "http://127.0.0.1:51004/other", False),
        ("http://127.0.0.1/callback", "http://127.0.0.1:51004/callback?a=b", False),
        ("http://127.0.0.1/callback", "http://127.0.0.1:1@evil.example/callback", False),
        ("http://127.0.0.1/callback", "http://127.0.0.1.evil.example/callback", False),
        ("http://127.0.0.1/callback", "http://127.0.0.1:123456/callback", False),
        ("http://127.0.0.1/callback", "http://127.0.0.1:51004/callback\n", False),
        ("http://localhost:3000/", "http://localhost:3001/", False),
        (CALLBACK, CALLBACK, True),
        (CALLBACK, "https://partner.example:443/callback", False),
    ],
)
def test_requested_uris(registered: str, requested: str, matches: bool):
    client = replace(CLI_CLIENT, redirect_uris=("https://other.example/", registered))
    assert client.check_redirect_uri(requested) == matches


def test_csp_sources():
    assert csp_source("https://a.example:8443/x?y=z") == "https://a.example:8443"
    assert csp_source("com.example.app:/callback") == "com.example.app:"
    assert csp_source("http://[::1]:51004/callback") == "http:"
