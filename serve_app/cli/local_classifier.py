"""Classifies in this process, without Ray and without a server."""

import asyncio
import hashlib
import math
from collections.abc import AsyncIterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from models.arrays import Float32Array, UInt16Array
from models.errors import ModelError
from models.labels import Labels, labels_of
from models.runtimes.loading import load_runtime
from models.runtimes.runtime import Runtime
from models.spec import ModelSpec
from models.zoo import resolve_model
from serve_app.cli.errors import UsageError
from serve_app.cli.image_inputs import ImageInput
from serve_app.cli.image_result import FailedInput, ImageResult, parse_classification
from serve_app.errors import RaylensError
from serve_app.fetch import Fetcher
from serve_app.settings import Settings
from serve_app.stages.preprocessor import Preprocessor
from serve_app.stages.results import rank
from serve_app.types import ImageInfo

_BATCH_SIZE = 8
_NO_DEADLINE = math.inf


class LocalClassifier:
    """Classifies with a model loaded in this process."""

    def __init__(self, spec: ModelSpec, runtime: Runtime, settings: Settings, *, top_k: int, threads: int) -> None:
        self._spec = spec
        self._runtime = runtime
        self._labels: Labels = labels_of(spec)
        self._top_k = top_k
        self._fetcher = Fetcher(settings.fetch_allowed_networks, proxy=settings.fetch_proxy)
        self._preprocessor = Preprocessor({spec.name: spec.transform}, threads=threads)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Assumptions about a user's model that may be wrong."""
        return self._spec.findings.warnings if self._spec.findings else ()

    async def results(self, images: Sequence[ImageInput]) -> AsyncIterator[ImageResult]:
        """In order, one batch after another."""
        remaining = iter(images)
        while batch := list(islice(remaining, _BATCH_SIZE)):
            for result in await self._batch(batch):
                yield result

    async def __aenter__(self) -> "LocalClassifier":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._fetcher.close()

    async def _batch(self, sources: list[ImageInput]) -> list[ImageResult]:
        found = await asyncio.gather(*(self._bytes(source) for source in sources))
        images = [data for data in found if isinstance(data, bytes)]
        preprocessed = await self._preprocessor.prepare(self._spec.name, images, [_NO_DEADLINE] * len(images))
        probabilities = await asyncio.to_thread(self._runtime.predict, preprocessed.tensor)
        outcomes, rankings = iter(preprocessed.outcomes), zip(*rank(probabilities), strict=True)
        results: list[ImageResult] = []
        for source, data in zip(sources, found, strict=True):
            outcome = next(outcomes) if isinstance(data, bytes) else data
            if isinstance(outcome, RaylensError):
                results.append(FailedInput.of(source, outcome))
            elif isinstance(data, bytes):
                results.append(parse_classification(source.name, self._body(source, data, outcome, next(rankings))))
        return results

    async def _bytes(self, source: ImageInput) -> bytes | RaylensError:
        try:
            return await (self._fetched(source.name) if source.is_url else asyncio.to_thread(source.read))
        except RaylensError as error:
            return error.detached()

    async def _fetched(self, url: str) -> bytes:
        return await self._fetcher.fetch(url, deadline=_NO_DEADLINE)

    def _body(
        self, source: ImageInput, data: bytes, info: ImageInfo, ranking: tuple[UInt16Array, Float32Array]
    ) -> dict[str, Any]:
        """The API's response body, without the fields that only a server has."""
        image: dict[str, Any] = {
            "sha256": hashlib.sha256(data).hexdigest(),
            "format": info.format,
            "width": info.width,
            "height": info.height,
        }
        top = zip(*(values[: self._top_k].tolist() for values in ranking), strict=True)
        return {
            "image": image | ({"url": source.name} if source.is_url else {}),
            "model": {
                "name": self._spec.name,
                "version": self._spec.version,
                "runtime": self._runtime.name,
                "precision": self._runtime.precision,
            },
            "predictions": [
                {
                    "rank": place,
                    "index": index,
                    "wnid": self._labels.wnid(index),
                    "label": self._labels.name(index),
                    "probability": probability,
                }
                for place, (index, probability) in enumerate(top, 1)
            ],
        }


def open_local(settings: Settings, model: str | None, *, top_k: int, threads: int, runtime: str) -> LocalClassifier:
    """Load a model, by default the first of the settings; builds its artifact if necessary. Raises UsageError."""
    try:
        spec = resolve_model(model or settings.models[0], settings.models)
        _make_folder(settings.artifacts_dir)
        loaded = load_runtime(spec, runtime=runtime, artifacts_dir=settings.artifacts_dir)
    except (ModelError, ValueError) as error:
        raise UsageError(str(error)) from None
    return LocalClassifier(spec, loaded, settings, top_k=top_k, threads=threads)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"The folder {folder} cannot be created: {error.strerror}. Set RAYLENS_DATA_DIR.") from None
