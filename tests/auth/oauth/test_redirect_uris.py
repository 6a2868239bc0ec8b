"""Where an application may have people sent back to."""

from dataclasses import replace

import pytest

from auth.oauth.clients import CLI_CLIENT
from auth.oauth.redirect_uris import csp_source, may_be_registered
from tests.auth.oauth.partner import CALLBACK


@pytest.mark.parametrize(
    "uri",
    [
        "https://partner.example",
        "https://partner.example:8443/a/b?c=d&e=%20",
        "https://[2001:db8::1]/callback",
        "http://127.0.0.1/callback",
        "http://127.0.0.1:8123/",
        "http://[::1]:1/",
        "http://localhost:3000/callback",
        "com.example.app:/callback",
    ],
)
def test_redirect_uris_that_may_be_registered(uri: str):
    assert may_be_registered(uri)


@pytest.mark.parametrize(
    "uri",
    [
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
        "https://partner.example/" + "x" * 2000,
    ],
)
def test_redirect_uris_that_may_not(uri: str):
    assert not may_be_registered(uri)


@pytest.mark.parametrize(
    ("registered", "asked", "may"),
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
def test_where_people_may_be_sent_back_to(registered: str, asked: str, may: bool):
    client = replace(CLI_CLIENT, redirect_uris=("https://other.example/", registered))
    assert client.check_redirect_uri(asked) == may


def test_where_a_policy_lets_forms_lead():
    assert csp_source("https://a.example:8443/x?y=z") == "https://a.example:8443"
    assert csp_source("com.example.app:/callback") == "com.example.app:"
    assert csp_source("http://[::1]:51004/callback") == "http:"
