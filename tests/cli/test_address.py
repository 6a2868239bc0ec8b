import pytest

from serve_app.cli.address import Address
from serve_app.cli.errors import UsageError


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("HTTP://LocalHost:80/", "http://localhost"),
        ("https://Raylens.example.org:443/", "https://raylens.example.org"),
        ("https://example.org/Raylens/", "https://example.org/Raylens"),
        ("[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_one_server_has_one_spelling(written: str, url: str) -> None:
    assert Address.parse(written).url == url


@pytest.mark.parametrize("text", ["", "http://", "ftp://example.org", "http://h/?a=1", "http://h/#a", "http://[::1"])
def test_an_invalid_address_is_rejected(text: str) -> None:
    with pytest.raises(UsageError, match="not the address of a server"):
        Address.parse(text)


def test_a_password_in_an_address_is_rejected_and_not_quoted() -> None:
    with pytest.raises(UsageError) as error:
        Address.parse("https://me:topsecret@example.org")
    assert "topsecret" not in str(error.value)


@pytest.mark.parametrize(
    ("url", "confidential"),
    [
        ("https://example.org", True),
        ("http://localhost:8000", True),
        ("http://127.9.9.9", True),
        ("http://[::1]:8000", True),
        ("http://example.org", False),
        ("http://10.0.0.1:8000", False),
        ("http://localhost.example.org", False),
        ("http://127.0.0.1.example.org", False),
    ],
)
def test_https_and_loopback_addresses_are_confidential(url: str, confidential: bool) -> None:
    assert Address.parse(url).is_confidential is confidential


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("https://example.org/oauth/token", True),
        ("https://example.org:443/oauth/token", True),
        ("http://example.org/oauth/token", False),
        ("https://example.org:8443/oauth/token", False),
        ("https://example.org.evil.net/oauth/token", False),
        ("https://example.org@evil.net/", False),
        ("https://[::1", False),
    ],
)
def test_same_origin_compares_scheme_host_and_port(url: str, same: bool) -> None:
    assert Address.parse("https://example.org").is_same_origin(url) is same
