"""Addresses for identity providers are built from ``Host`` only if none is configured, and only on this machine."""

from dataclasses import replace

import pytest
from starlette.requests import HTTPConnection

from auth.errors import PermissionDenied
from auth.http.cookies import SessionCookie
from tests.auth.application import Application

CONFIGURED = "https://raylens.example.org"


def asked_at(host: str) -> HTTPConnection:
    return HTTPConnection({"type": "http", "headers": [(b"host", host.encode())]})


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1:9000", "evil.example"])
def test_a_configured_address_is_used_whatever_the_host_is(application: Application, host: str) -> None:
    settings = replace(application.auth.settings, public_url=CONFIGURED, public_url_is_given=True)
    assert SessionCookie(settings).base_url(asked_at(host)) == CONFIGURED


def test_otherwise_only_names_of_this_machine(application: Application) -> None:
    cookie = SessionCookie(replace(application.auth.settings, public_url_is_given=False))
    assert cookie.base_url(asked_at("localhost:9000")) == "http://localhost:9000"
    with pytest.raises(PermissionDenied):
        cookie.base_url(asked_at("evil.example"))
