"""The session cookie: where it may go, and which writes it allows."""

import pytest
from starlette.responses import Response

from auth.errors import CrossSiteRequest, PermissionDenied
from auth.http.cookies import SessionCookie
from auth.settings import AuthSettings
from tests.auth.http.connections import connection

HTTPS = "https://raylens.example.org"


def cookie(public_url: str = "http://127.0.0.1:8000", *, given: bool = False) -> SessionCookie:
    return SessionCookie(AuthSettings(public_url, given, (b"secret",)))


def header(cookie: SessionCookie, secret: str | None) -> str:
    response = Response()
    if secret is None:
        cookie.clear(response)
    else:
        cookie.set(response, secret)
    return response.headers["set-cookie"]


def test_on_https_it_is_bound_to_this_host_and_to_encryption():
    told = header(cookie(HTTPS, given=True), "rls_x")
    assert told == "__Host-raylens_session=rls_x; HttpOnly; Max-Age=1209600; Path=/; SameSite=lax; Secure"


def test_on_plain_http_it_has_neither_prefix_nor_secure_or_browsers_would_drop_it():
    assert header(cookie(), "rls_x") == "raylens_session=rls_x; HttpOnly; Max-Age=1209600; Path=/; SameSite=lax"


@pytest.mark.parametrize("url", [HTTPS, "http://localhost"])
def test_cleared_with_the_attributes_it_was_set_with(url: str):
    it = cookie(url, given=True)
    assert header(it, None) == header(it, "").replace("Max-Age=1209600", "Max-Age=0")


def test_on_https_the_name_without_the_prefix_is_not_read():
    """Any neighbour under the same domain could have set that one."""
    https = cookie(HTTPS, given=True)
    assert https.read(connection(cookie="raylens_session=rls_planted")) is None
    assert https.read(connection(cookie="raylens_session=rls_planted; __Host-raylens_session=rls_own")) == "rls_own"


OWN = [
    pytest.param(HTTPS, True, "whatever.example.org", HTTPS, id="https"),
    pytest.param(HTTPS, True, "whatever.example.org", HTTPS.upper(), id="case"),
    pytest.param(HTTPS + ":443", True, "x", HTTPS, id="default port"),
    pytest.param(HTTPS + ":8443/raylens", True, "x", HTTPS + ":8443", id="port and path"),
    pytest.param("http://localhost:80", True, "localhost", "http://localhost", id="default port of http"),
    pytest.param("http://0.0.0.0:8000", False, "localhost:8000", "http://localhost:8000", id="guess, localhost"),
    pytest.param("http://0.0.0.0:8000", False, "127.0.0.1:5173", "http://127.0.0.1:5173", id="guess, 127.0.0.1"),
    pytest.param("http://0.0.0.0:8000", False, "[::1]:8000", "http://[::1]:8000", id="guess, IPv6"),
]
OTHER = [
    pytest.param(HTTPS, True, "raylens.example.org", "https://evil.example", id="elsewhere"),
    pytest.param(HTTPS, True, "evil.example", "https://evil.example", id="host header is not believed"),
    pytest.param(HTTPS, True, "raylens.example.org", "http://raylens.example.org", id="plain http"),
    pytest.param(HTTPS, True, "raylens.example.org", HTTPS + ":8443", id="other port"),
    pytest.param(HTTPS, True, "raylens.example.org", HTTPS + ".evil.example", id="longer name"),
    pytest.param(HTTPS, True, "raylens.example.org", "https://x.raylens.example.org", id="subdomain"),
    pytest.param(HTTPS, True, "raylens.example.org", "null", id="null"),
    pytest.param(HTTPS, True, "raylens.example.org", "", id="none"),
    pytest.param("http://0.0.0.0:8000", False, "localhost:8000", "http://localhost:9000", id="other port here"),
    pytest.param(
        "http://0.0.0.0:8000", False, "rebound.example:8000", "http://rebound.example:8000", id="rebound name"
    ),
    pytest.param("http://0.0.0.0:8000", False, "localhost:8000]", "http://localhost:8000]", id="odd host"),
    pytest.param("http://0.0.0.0:8000", False, "[::1", "http://[::1", id="half a host"),
    pytest.param("http://0.0.0.0:8000", False, "", "http://", id="no host"),
    pytest.param("http://raylens.example.org", True, "raylens.example.org", "http://raylens.example.org", id="http"),
]


@pytest.mark.parametrize(("url", "given", "host", "origin"), OWN)
def test_the_web_app_may_write(url: str, given: bool, host: str, origin: str):
    asks = connection("POST", host=host, origin=origin, x_requested_with="raylens")
    cookie(url, given=given).check_csrf(asks)
    cookie(url, given=given).check_origin(asks)


@pytest.mark.parametrize(("url", "given", "host", "origin"), OTHER)
def test_another_site_may_not_write(url: str, given: bool, host: str, origin: str):
    asks = connection("POST", host=host, origin=origin, x_requested_with="raylens")
    for refuse in (cookie(url, given=given).check_csrf, cookie(url, given=given).check_origin):
        with pytest.raises(CrossSiteRequest):
            refuse(asks)


def test_a_write_without_an_origin_or_without_the_header_is_refused():
    it = cookie(HTTPS, given=True)
    with pytest.raises(CrossSiteRequest, match="an unknown page"):
        it.check_origin(connection("POST", host="raylens.example.org"))
    with pytest.raises(CrossSiteRequest, match="X-Requested-With"):
        it.check_csrf(connection("POST", host="raylens.example.org", origin=HTTPS))


@pytest.mark.parametrize(
    ("url", "given", "host"),
    [
        (HTTPS, True, "raylens.example.org"),
        (HTTPS, True, "10.0.0.7:8000"),  # behind the proxy that has the certificate
        ("http://localhost:8000", True, "localhost:8000"),
        ("http://0.0.0.0:8000", False, "127.0.0.1:8000"),
    ],
)
def test_signing_in_where_nobody_listens_in(url: str, given: bool, host: str):
    cookie(url, given=given).require_secure(connection("POST", host=host))


@pytest.mark.parametrize(
    ("url", "given", "host"),
    [
        ("http://raylens.example.org", True, "raylens.example.org"),
        ("http://raylens.example.org", True, "localhost"),
        ("http://0.0.0.0:8000", False, "192.168.1.7:8000"),
        ("http://0.0.0.0:8000", False, "localhost.example.org"),
    ],
)
def test_no_signing_in_where_the_cookie_could_be_read_on_its_way(url: str, given: bool, host: str):
    with pytest.raises(PermissionDenied, match="RAYLENS_PUBLIC_URL"):
        cookie(url, given=given).require_secure(connection("POST", host=host))
