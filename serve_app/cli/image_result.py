"""Results of classifying images on the command line."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from serve_app.cli.image_inputs import ImageInput
from serve_app.errors import RaylensError


@dataclass(frozen=True, slots=True)
class PredictedClass:
    """One class of the top-k."""

    rank: int
    index: int
    wnid: str
    label: str
    probability: float


@dataclass(frozen=True, slots=True)
class ClassifiedInput:
    """A classified image; ``body`` is the API's response body."""

    source: str
    predictions: list[PredictedClass]
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FailedInput:
    """An image that could not be classified, with the error's code."""

    source: str
    code: str
    detail: str

    @classmethod
    def of(cls, image: ImageInput, error: RaylensError) -> "FailedInput":
        return cls(image.name, error.code, error.message)


ImageResult = ClassifiedInput | FailedInput


class ImageClassifier(Protocol):
    """Classifies through a server or in this process."""

    def results(self, images: Sequence[ImageInput]) -> AsyncIterator[ImageResult]:
        """One result per image, in order, each as soon as it and its predecessors are available."""


def parse_classification(source: str, body: dict[str, Any]) -> ClassifiedInput:
    """Parse the API's response body. Raises KeyError, TypeError or ValueError if it is malformed."""
    predictions = [
        PredictedClass(int(p["rank"]), int(p["index"]), str(p["wnid"]), str(p["label"]), float(p["probability"]))
        for p in body["predictions"]
    ]
    if not predictions:
        raise ValueError("no predictions")
    return ClassifiedInput(source, predictions, body)
