"""Typed deployment handles.

A protocol states the methods of each stage. The deployments implement it and the handles call it on a replica, so mypy
rejects a deployment, or a call from the pipeline, whose arguments do not match.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar

from serve_app.errors import RaylensError
from serve_app.request_context import EMPTY, BatchContext
from serve_app.types import Answer, Classified, ModelInService, Preprocessed, Query, Record

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class PreprocessorStage(Protocol):
    async def prepare(
        self, model: str, images: Sequence[bytes], deadlines: Sequence[float], context: BatchContext = EMPTY
    ) -> Preprocessed: ...


class ClassifierStage(Protocol):
    async def classify(self, batch: Preprocessed, context: BatchContext = EMPTY) -> Classified: ...

    async def describe(self) -> ModelInService: ...


class ResultsStage(Protocol):
    async def finish(
        self, model: str, queries: list[Query], classified: Classified, context: BatchContext = EMPTY
    ) -> list[Answer | RaylensError]: ...

    async def record(self, records: list[Record]) -> RaylensError | None: ...

    async def store_states(self) -> dict[str, str]: ...


class RemoteMethod(Protocol[P, R_co]):
    """A method of a handle."""

    def remote(self, *args: P.args, **kwargs: P.kwargs) -> Awaitable[R_co]:
        """Call the method on a replica. Takes values, not references to the results of other calls."""


class UntypedHandle(Protocol):
    """A Ray Serve ``DeploymentHandle``, which creates its methods at run time."""

    def __getattr__(self, method: str, /) -> RemoteMethod[..., Any]: ...


class _StageHandle:
    def __init__(self, handle: UntypedHandle) -> None:
        self.untyped = handle


class _Remote(Generic[P, R]):
    """Descriptor for a method of a handle that has the signature of ``method``."""

    def __init__(self, method: Callable[Concatenate[Any, P], Awaitable[R]]) -> None:
        self._name = method.__name__

    def __get__(self, handle: _StageHandle, owner: type[_StageHandle]) -> RemoteMethod[P, R]:
        method: RemoteMethod[P, R] = getattr(handle.untyped, self._name)
        return method


class PreprocessorHandle(_StageHandle):
    prepare = _Remote(PreprocessorStage.prepare)


class ClassifierHandle(_StageHandle):
    classify = _Remote(ClassifierStage.classify)
    describe = _Remote(ClassifierStage.describe)


class ResultsHandle(_StageHandle):
    finish = _Remote(ResultsStage.finish)
    record = _Remote(ResultsStage.record)
    store_states = _Remote(ResultsStage.store_states)
