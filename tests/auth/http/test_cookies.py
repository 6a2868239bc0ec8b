"""The session cookie: its attributes, and which writes it allows."""

import pytest
from starlette.responses import Response

from auth.errors import CrossSiteRequest, PermissionDenied
from auth.http.cookies import SessionCookie
from auth.settings import AuthSettings
from tests.auth.http.connections import connection

HTTPS = "https://raylens.example.org"
GUESSED = "http://0.0.0.0:8000"
"""The public URL when none is set."""


def cookie(public_url: str = GUESSED) -> SessionCookie:
    return SessionCookie(AuthSettings(public_url, public_url != GUESSED, (b"secret",)))


def header(cookie: SessionCookie, secret: str | None) -> str:
    response = Response()
    if secret is None:
        cookie.clear(response)
    else:
        cookie.set(response, secret)
    return response.headers["set-cookie"]


def test_on_https_the_cookie_is_secure_and_bound_to_the_host():
    expected = "__Host-raylens_session=rls_x; HttpOnly; Max-Age=1209600; Path=/; SameSite=lax; Secure"
    assert header(cookie(HTTPS), "rls_x") == expected


def test_on_plain_http_it_has_neither_prefix_nor_secure_or_browsers_would_drop_it():
    assert header(cookie(), "rls_x") == "raylens_session=rls_x; HttpOnly; Max-Age=1209600; Path=/; SameSite=lax"


def test_it_is_cleared_with_the_attributes_it_was_set_with():
    for url in (HTTPS, "http://localhost"):
        it = cookie(url)
        assert header(it, None) == header(it, "").replace("Max-Age=1209600", "Max-Age=0")


def test_on_https_the_name_without_the_prefix_is_not_read():
    """Any other host under the same domain could have set that one."""
    https = cookie(HTTPS)
    assert https.read(connection(cookie="raylens_session=rls_planted")) is None
    assert https.read(connection(cookie="raylens_session=rls_planted; __Host-raylens_session=rls_own")) == "rls_own"


SAME_ORIGIN = {
    "https": (HTTPS, "whatever.example.org", HTTPS),
    "upper case": (HTTPS, "whatever.example.org", HTTPS.upper()),
    "default port": (HTTPS + ":443", "x", HTTPS),
    "port and path": (HTTPS + ":8443/raylens", "x", HTTPS + ":8443"),
    "default port of http": ("http://localhost:80", "localhost", "http://localhost"),
    "guessed, localhost": (GUESSED, "localhost:8000", "http://localhost:8000"),
    "guessed, 127.0.0.1": (GUESSED, "127.0.0.1:5173", "http://127.0.0.1:5173"),
    "guessed, IPv6": (GUESSED, "[::1]:8000", "http://[::1]:8000"),
}
OTHER_ORIGIN = {
    "another site": (HTTPS, "raylens.example.org", "https://evil.example"),
    "the host header of another site": (HTTPS, "evil.example", "https://evil.example"),
    "plain http": (HTTPS, "raylens.example.org", "http://raylens.example.org"),
    "another port": (HTTPS, "raylens.example.org", HTTPS + ":8443"),
    "a longer name": (HTTPS, "raylens.example.org", HTTPS + ".evil.example"),
    "a subdomain": (HTTPS, "raylens.example.org", "https://x.raylens.example.org"),
    "null": (HTTPS, "raylens.example.org", "null"),
    "empty": (HTTPS, "raylens.example.org", ""),
    "guessed, another port": (GUESSED, "localhost:8000", "http://localhost:9000"),
    "guessed, DNS rebinding": (GUESSED, "rebound.example:8000", "http://rebound.example:8000"),
    "guessed, malformed host": (GUESSED, "localhost:8000]", "http://localhost:8000]"),
    "guessed, unclosed bracket": (GUESSED, "[::1", "http://[::1"),
    "guessed, no host": (GUESSED, "", "http://"),
    "plain http as set": ("http://raylens.example.org", "raylens.example.org", "http://raylens.example.org"),
}


def is_accepted(url: str, host: str, origin: str) -> tuple[bool, bool]:
    """By ``check_csrf`` and by ``check_origin``."""
    request = connection("POST", host=host, origin=origin, x_requested_with="raylens")

    def passes(check: object) -> bool:
        assert callable(check)
        try:
            check(request)
        except CrossSiteRequest:
            return False
        return True

    return passes(cookie(url).check_csrf), passes(cookie(url).check_origin)


def test_only_the_own_origin_may_write():
    accepted = {name: is_accepted(*case) for name, case in (SAME_ORIGIN | OTHER_ORIGIN).items()}
    assert accepted == dict.fromkeys(SAME_ORIGIN, (True, True)) | dict.fromkeys(OTHER_ORIGIN, (False, False))


def test_a_write_without_an_origin_or_without_the_header_is_rejected():
    it = cookie(HTTPS)
    with pytest.raises(CrossSiteRequest, match="an unknown page"):
        it.check_origin(connection("POST", host="raylens.example.org"))
    with pytest.raises(CrossSiteRequest, match="X-Requested-With"):
        it.check_csrf(connection("POST", host="raylens.example.org", origin=HTTPS))


def test_signing_in_needs_https_or_the_loopback_interface(subtests: pytest.Subtests):
    for url, host in (
        (HTTPS, "raylens.example.org"),
        (HTTPS, "10.0.0.7:8000"),  # behind the proxy that terminates TLS
        ("http://localhost:8000", "localhost:8000"),
        (GUESSED, "127.0.0.1:8000"),
    ):
        cookie(url).require_secure(connection("POST", host=host))
    for url, host in (
        ("http://raylens.example.org", "raylens.example.org"),
        ("http://raylens.example.org", "localhost"),
        (GUESSED, "192.168.1.7:8000"),
        (GUESSED, "localhost.example.org"),
    ):
        with subtests.test(url=url, host=host), pytest.raises(PermissionDenied, match="RAYLENS_PUBLIC_URL"):
            cookie(url).require_secure(connection("POST", host=host))
