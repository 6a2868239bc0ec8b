"""Calls of each stage with a wrong argument, for mypy; they are never executed.

Mypy reports an unnecessary ``type: ignore``, so ``make lint`` fails if one of these calls passes the type check.
"""

from serve_app.pipeline import Pipeline
from serve_app.types import Classified, Preprocessed, Record


async def prepare(pipeline: Pipeline, image: bytes) -> Preprocessed:
    return await pipeline.preprocessor.prepare.remote("efficientnet-lite0", image, [0.0])  # type: ignore[arg-type]


async def classify(pipeline: Pipeline, classified: Classified) -> Classified:
    return await pipeline.classifiers["efficientnet-lite0"].classify.remote(classified)  # type: ignore[arg-type]


async def finish(pipeline: Pipeline, preprocessed: Preprocessed) -> None:
    await pipeline.results.finish.remote("efficientnet-lite0", [], preprocessed)  # type: ignore[arg-type]


async def record(pipeline: Pipeline, one: Record) -> None:
    await pipeline.results.record.remote(one)  # type: ignore[arg-type]
