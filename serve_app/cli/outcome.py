"""What became of one image on the command line."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from serve_app.cli.sources import Source
from serve_app.errors import RaylensError


@dataclass(frozen=True, slots=True)
class Prediction:
    """One class of the top-k."""

    rank: int
    index: int
    wnid: str
    label: str
    probability: float


@dataclass(frozen=True, slots=True)
class Answered:
    """An image with its classes; ``body`` is the answer as the API gives it."""

    source: str
    predictions: list[Prediction]
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Failed:
    """An image without an answer."""

    source: str
    code: str
    detail: str

    @classmethod
    def of(cls, source: Source, error: RaylensError) -> "Failed":
        return cls(source.name, error.code, error.message)


Outcome = Answered | Failed


class Classifier(Protocol):
    """A server, or this process."""

    def outcomes(self, sources: Sequence[Source]) -> AsyncIterator[Outcome]:
        """One outcome for each source, in order, each as soon as it and those before it are there."""


def answered(source: str, body: dict[str, Any]) -> Answered:
    """Read the API's body. Raises KeyError, TypeError or ValueError where it is none."""
    predictions = [
        Prediction(int(p["rank"]), int(p["index"]), str(p["wnid"]), str(p["label"]), float(p["probability"]))
        for p in body["predictions"]
    ]
    if not predictions:
        raise ValueError("no predictions")
    return Answered(source, predictions, body)
