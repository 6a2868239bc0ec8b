"""Targets of redirects, as servers write them and browsers follow them."""

import time

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.errors import BadUrl
from serve_app.fetch.urls import parse_image_url, redirect_target
from tests.fetch.fetching import IMAGE, Names, fetch, fetching
from tests.fetch.server import Server, respond


@pytest.mark.parametrize(
    ("location", "target"),
    [
        (b"/b", "http://example.org/b"),
        (b"b?q=1#part", "http://example.org/dir/b?q=1"),
        (b"../b", "http://example.org/b"),
        (b"?q", "http://example.org/dir/a?q"),
        (b"#part", "http://example.org/dir/a?x=1"),
        (b"//other.example:8080/b", "http://other.example:8080/b"),
        (b"HTTPS://OTHER.example/B", "https://other.example/B"),
        (b"http://other.example./b", "http://other.example/b"),
        (b"http://other.example:80", "http://other.example/"),
        (b"http://other.example?q", "http://other.example/?q"),
        (b"/%E2%82%AC/%zz%", "http://example.org/%E2%82%AC/%zz%"),
        ("/schön €?q=ö ü".encode(), "http://example.org/sch%C3%B6n%20%E2%82%AC?q=%C3%B6%20%C3%BC"),
        ("/schön".encode("latin-1"), "http://example.org/sch%F6n"),
        (b"/a b", "http://example.org/a%20b"),
        (b" \t/b\t ", "http://example.org/b"),
        (b"/a\tb", "http://example.org/ab"),
        (b"\\b\\c?\\d", "http://example.org/b/c?%5Cd"),
        (b"\\\\other.example\\b", "http://other.example/b"),
        ("http://bücher.example/ä".encode(), "http://xn--bcher-kva.example/%C3%A4"),
        ("//BÜCHER.example".encode(), "http://xn--bcher-kva.example/"),
        ("http://bücher.example/ä".encode("latin-1"), "http://xn--bcher-kva.example/%E4"),
        ("http://☃.example:8080/".encode(), "http://xn--n3h.example:8080/"),
        (b'/"<>[]|^`{}', "http://example.org/%22%3C%3E[]|^%60%7B%7D"),
        (b"/" + b"a" * 8_000, "http://example.org/" + "a" * 8_000),
    ],
)
def test_the_target_of_a_redirect(location: bytes, target: str) -> None:
    found = redirect_target(parse_image_url("http://example.org/dir/a?x=1"), location)
    expected = httpx.URL(target)
    assert (found.raw_scheme, found.raw_host, found.port) == (expected.raw_scheme, expected.raw_host, expected.port)
    assert found.raw_path == expected.raw_path


@pytest.mark.parametrize(
    "location",
    [
        b"ftp://example.org/b",
        b"data:image/png;base64,AAAA",
        b"mailto:a@example.org",
        b"javascript:alert(1)",
        b"http://user:secret@example.org/",
        b"//user@example.org/",
        b"http://[::1",
        b"http://example.org:22/",
        b"http://exa mple.org/",
        b"http:///b",
        b"///b",
        b"http://2130706433/",
        "http://１２７.０.０.１/".encode(),
        b"/" + b"a" * 9_000,
    ],
)
def test_a_target_that_is_not_followed(location: bytes) -> None:
    with pytest.raises(BadUrl):
        redirect_target(parse_image_url("http://example.org/dir/a"), location)


@given(st.binary(max_size=40))
def test_any_location_is_followed_or_raises_bad_url(part: bytes) -> None:
    for location in (part, b"//" + part, b"https://" + part, b"http://example.org/" + part):
        try:
            found = redirect_target(parse_image_url("http://example.org/dir/a"), location)
        except BadUrl:
            continue
        assert parse_image_url(str(found), 9_000) == found
        assert b" " not in found.raw_path
        assert found.raw_path.isascii()


@pytest.mark.parametrize("location", ["/schön €.jpg?q=a b".encode(), "/schön.jpg".encode("latin-1"), b"/a b"])
async def test_bytes_of_a_location_are_requested_as_they_are(server: Server, location: bytes) -> None:
    target = "".join(f"%{byte:02X}" if byte > 126 or byte == 32 else chr(byte) for byte in location)
    server.answers["/image"] = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + location + b"\r\n\r\n"
    server.answers[target] = respond(IMAGE)
    assert await fetch(server) == IMAGE


@pytest.mark.parametrize("host", ["xn--n3h.example", "☃.example", "i❤.example", "ｂücher.example"])
async def test_international_hosts(server: Server, host: str) -> None:
    """Also those that IDNA 2008 does not allow, but browsers do."""
    server.answers["/image"] = respond(IMAGE)
    ascii_name = host.encode("idna").decode()
    async with fetching(resolver=Names(**{ascii_name.replace(".", "_"): ["127.0.0.1"]})) as fetcher:
        assert await fetcher.fetch(f"http://{host}:{server.port}/image", deadline=time.time() + 30) == IMAGE
    assert f"host: {ascii_name}:".encode() in server.requests[0].lower()
