from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from serve_app.cache.entry import DamagedEntry, decode_digest, decode_result, encode_digest, encode_result
from serve_app.types import CachedResult, ImageInfo
from tests.cache.cached_results import result, same

names = st.text(max_size=40)
sides = st.integers(0, 2**32 - 1)


@st.composite
def results(draw: st.DrawFn) -> CachedResult:
    classes = draw(st.integers(0, 50))
    indices, probabilities = draw(arrays.arrays(np.uint16, classes)), draw(arrays.arrays(np.float32, classes))
    info = ImageInfo(draw(names), draw(sides), draw(sides))
    return CachedResult(info, indices, probabilities, draw(names), draw(names), draw(names))


@given(st.text(), results())
def test_decode_inverts_encode(key, original):
    assert same(decode_result(key, encode_result(key, original)), original)


@given(st.text(), st.text(), results())
def test_an_entry_is_invalid_under_another_key(key, other, original):
    data = encode_result(key, original)
    if key.encode() != other.encode():
        with pytest.raises(DamagedEntry):
            decode_result(other, data)


@given(st.data())
def test_a_flipped_bit_is_detected(data):
    entry = bytearray(encode_result("key", result(classes=10)))
    bit = data.draw(st.integers(0, 8 * len(entry) - 1))
    entry[bit // 8] ^= 1 << bit % 8
    if bit // 8 != 3:  # the padding byte
        with pytest.raises(DamagedEntry):
            decode_result("key", bytes(entry))


@given(st.data())
def test_a_truncated_entry_is_detected(data):
    entry = encode_result("key", result(classes=10))
    with pytest.raises(DamagedEntry):
        decode_result("key", entry[: data.draw(st.integers(0, len(entry) - 1))])


@given(st.binary(max_size=200))
def test_arbitrary_bytes_raise_damaged_entry(data):
    with pytest.raises(DamagedEntry):
        decode_result("key", data)
    with pytest.raises(DamagedEntry):
        decode_digest("key", data)


def test_decoded_arrays_are_read_only():
    decoded = decode_result("key", encode_result("key", result()))
    with pytest.raises(ValueError, match="read-only"):
        decoded.probabilities[0] = 0


def test_a_field_that_is_too_long_raises():
    too_long = replace(result(), model_version="1" * 70_000)
    with pytest.raises(ValueError, match="cannot be encoded"):
        encode_result("key", too_long)


@given(st.binary(min_size=32, max_size=32))
def test_a_digest_is_valid_only_under_its_own_key(digest):
    data = encode_digest("url:a", digest.hex())
    assert decode_digest("url:a", data) == digest.hex()
    with pytest.raises(DamagedEntry):
        decode_digest("url:b", data)
