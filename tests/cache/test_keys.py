from hypothesis import given
from hypothesis import strategies as st

from serve_app.cache.keys import content_key, url_key

parts = st.tuples(*[st.text("ab1:", max_size=3)] * 5)


@given(parts, parts)
def test_keys_are_equal_only_if_all_components_are(left, right):
    assert (content_key(*left) == content_key(*right)) == (left == right)


def test_keys_contain_no_url_or_path():
    assert "corey" not in content_key("0" * 64, "/home/corey/cats.keras", "1", "fp32", "1")
    assert "corey" not in url_key("https://example.org/corey.jpg")


def test_url_key_accepts_any_text():
    assert url_key("https://example.org/\udcff") != url_key("https://example.org/ÿ")
