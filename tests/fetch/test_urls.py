import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.errors import BadUrl
from serve_app.fetch.urls import parse_image_url


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://example.com", "http://example.com"),
        (" https://example.com/a.jpg\n", "https://example.com/a.jpg"),
        ("HTTPS://EXAMPLE.com:443/A.jpg?q=1#part", "https://example.com/A.jpg?q=1"),
        ("http://example.com./a", "http://example.com/a"),
        ("http://bücher.example/ä", "http://xn--bcher-kva.example/%C3%A4"),
        ("http://a_b.example:8080/", "http://a_b.example:8080/"),
        ("http://127。0。0。1/", "http://127.0.0.1/"),
        ("http://192.0.2.1./", "http://192.0.2.1/"),
        ("http://[2001:DB8:0::1]:8080/", "http://[2001:db8::1]:8080/"),
        ("http://example.com/user@host", "http://example.com/user@host"),
        ("http://example.com/?a=b\u00e9", "http://example.com/?a=b%C3%A9"),
    ],
)
def test_good_urls_become_canonical(text: str, expected: str):
    assert str(parse_image_url(text)).rstrip("/") == expected.rstrip("/")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com/a.jpg",
        "//example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "data:image/png;base64,AAAA",
        "javascript:alert(1)",
        "http:example.com",
        "http:/example.com",
        "http://",
        "http:///a.jpg",
        "http://user:password@example.com/",
        "http://user@example.com/",
        "http://@example.com/",
        "http://example.com\\@127.0.0.1/",
        "http://example.com\\.evil.example/",
        "http://exa mple.com/",
        "http://example.com/a b",
        "http://example.com/a\tb",
        "http://example.com/a\r\nHost: x",
        "http://example.com/\x00",
        "http://example.com/\ud800",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://127.1/",
        "http://0177.0.0.1/",
        "http://127.0.0.0x1/",
        "http://256.0.0.1/",
        "http://1.2.3.4.5/",
        "http://[fe80::1%25eth0]/",
        "http://[::1",
        "http://[1.2.3.4]/",
        "http://a..example/",
        "http://.example/",
        "http://-a.example/",
        "http://a%2eexample/",
        f"http://{'a' * 64}.example/",
        f"http://{'a.' * 130}example/",
        "http://xn--a.example:x/",
        "http://example.com:0/",
        "http://example.com:22/",
        "http://example.com:65536/",
        "http://example.com:-1/",
        "http://１２７.０.０.１/",
        f"http://example.com/{'a' * 2048}",
    ],
)
def test_invalid_urls_are_rejected(text: str):
    with pytest.raises(BadUrl):
        parse_image_url(text)


@given(st.text(max_size=60))
def test_any_text_is_parsed_or_raises_bad_url(text: str):
    for candidate in (text, f"http://{text}", f"http://example.com/{text}", f"https://{text}.example:80{text}"):
        try:
            url = parse_image_url(candidate)
        except BadUrl:
            continue
        assert parse_image_url(str(url)) == url
        assert url.scheme in ("http", "https")
        assert url.raw_host
        assert not url.userinfo
