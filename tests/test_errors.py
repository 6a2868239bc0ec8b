"""The error tree: every error can be sent between processes, also in Ray's wrapper."""

import pickle
from collections.abc import Iterator

import pytest
from ray import cloudpickle
from ray.exceptions import RayTaskError

from serve_app import errors
from serve_app.errors import RaylensError
from serve_app.pipeline import _unwrapped


def tree(kind: type[RaylensError]) -> Iterator[type[RaylensError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from tree(below)


KINDS = [kind for kind in tree(RaylensError) if kind.__module__ == errors.__name__]


@pytest.mark.parametrize("kind", KINDS)
def test_errors_can_be_pickled(kind: type[RaylensError]) -> None:
    error = pickle.loads(pickle.dumps(kind("why", retry_after=7.0)))
    assert type(error) is kind
    assert (str(error), error.message, error.retry_after) == ("why", "why", 7.0)


@pytest.mark.parametrize("kind", KINDS)
def test_errors_are_unwrapped(kind: type[RaylensError]) -> None:
    wrapped = RayTaskError("classify", "trace", kind("why", retry_after=7.0)).as_instanceof_cause()
    assert isinstance(wrapped, kind)
    error = _unwrapped(pickle.loads(cloudpickle.dumps(wrapped)))
    assert type(error) is kind
    assert (error.message, error.retry_after) == ("why", 7.0)


def test_codes_are_unique() -> None:
    codes = [kind.code for kind in KINDS if kind is not RaylensError]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("kind", KINDS)
def test_errors_with_429_or_503_have_retry_after(kind: type[RaylensError]) -> None:
    assert 400 <= kind.status <= 504
    assert kind.title
    assert (kind.retry_after is not None) == (kind.status in {429, 503})
