"""The header Host: names and addresses, and what is neither."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.http.host import HostName


@pytest.mark.parametrize(
    ("header", "name", "is_address"),
    [
        ("localhost", "localhost", False),
        ("localhost:8000", "localhost", False),
        ("Raylens.Example.ORG.:443", "raylens.example.org", False),
        ("raylens.example.org:", "raylens.example.org", False),
        ("xn--bcher-kva.example", "xn--bcher-kva.example", False),
        ("raylens_backend", "raylens_backend", False),
        ("127.0.0.1:8000", "127.0.0.1", True),
        ("[::1]:8000", "::1", True),
        ("[2001:DB8::0001]", "2001:db8::1", True),
        ("[fe80::1%25eth0]:8000", "fe80::1", True),
        ("127.1", "127.1", False),  # no address: browsers send four numbers
        ("0x7f000001", "0x7f000001", False),
    ],
)
def test_a_host(header: str, name: str, is_address: bool) -> None:
    assert HostName.parse(header) == HostName(name, is_address)


@pytest.mark.parametrize(
    "header",
    [
        *(
            "",
            ".",
            ":8000",
            "localhost:port",
            "localhost:123456",
            "localhost:\u0664",
            "localhost:8000:1",
            "localhost:-1",
        ),
        *("user@localhost", "user:password@localhost", "localhost/", "localhost?a", "localhost#a", "http://localhost"),
        *("local host", " localhost", "localhost\t", "a,b", "a\0", "a\r\nb", "b\u00fccher.example", "%6cocalhost"),
        *("::1", "[::1", "::1]", "[::1]8000", "[localhost]", "[]", "[127.0.0.1", "a" * 301),
    ],
)
def test_no_host(header: str) -> None:
    assert HostName.parse(header) is None


@given(st.text(max_size=40))
def test_any_text_is_a_host_or_none(text: str) -> None:
    host = HostName.parse(text)
    assert host is None or (host.name.isascii() and host.name == host.name.lower())
