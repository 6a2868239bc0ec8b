from hypothesis import given
from hypothesis import strategies as st

from serve_app.cache.keys import content_key, url_key

parts = st.tuples(*[st.text("ab1:", max_size=3)] * 6)


def key_of(sha256: str, model: str, version: str, *others: str) -> str:
    runtime, precision, preprocessing = others
    return content_key(
        sha256, model, version, runtime=runtime, precision=precision, preprocessing_version=preprocessing
    )


@given(parts, parts)
def test_keys_are_equal_only_if_all_components_are(left, right):
    assert (key_of(*left) == key_of(*right)) == (left == right)


def test_keys_contain_no_url_or_path():
    assert "corey" not in key_of("0" * 64, "/home/corey/cats.keras", "1", "openvino", "fp32", "1")
    assert "corey" not in url_key("https://example.org/corey.jpg")


def test_users_share_no_urls():
    url = "https://example.org/a.jpg"
    assert len({url_key(url), url_key(url, 1), url_key(url, 2), url_key(f"1 {url}", None)}) == 3


def test_url_key_accepts_any_text():
    assert url_key("https://example.org/\udcff") != url_key("https://example.org/ÿ")
