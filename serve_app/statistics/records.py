"""From a query and its result to the record that is kept."""

from models.labels import Labels
from serve_app.types import Answer, CachedResult, Query, Record


def record_of(
    query: Query,
    result: CachedResult,
    labels: Labels,
    *,
    answered_at: float,
    cached: bool,
    answer: Answer | None = None,
) -> Record:
    """The record of one answered image. ``answer`` where an inference was made for this very query."""
    total_ms = max(0.0, (answered_at - query.received_at) * 1e3)
    indices = result.indices[: query.top_k].tolist()
    return Record(
        id=query.id,
        created_at=query.received_at,
        sha256=query.sha256,
        url=query.url,
        format=result.info.format,
        width=result.info.width,
        height=result.info.height,
        model=query.model,
        model_version=result.model_version,
        runtime=result.runtime,
        precision=result.precision,
        label=labels.name(indices[0]),
        wnid=labels.wnid(indices[0]),
        predictions=list(zip(indices, result.probabilities[: query.top_k].tolist(), strict=True)),
        cached=cached,
        processing_ms=total_ms,
        timings_ms=timings_of(query.fetch_ms, total_ms, answer),
        user_id=query.user_id,
    )


def timings_of(fetch_ms: float, total_ms: float, answer: Answer | None) -> dict[str, float]:
    """Where the time went, milliseconds. ``queue`` is all that is neither fetch, preprocessing nor inference."""
    preprocess_ms = answer.preprocess_ms if answer else 0.0
    inference_ms = answer.inference_ms if answer else 0.0
    queue_ms = max(0.0, total_ms - fetch_ms - preprocess_ms - inference_ms) if answer else 0.0
    spent = {
        "fetch": fetch_ms,
        "preprocess": preprocess_ms,
        "queue": queue_ms,
        "inference": inference_ms,
        "total": total_ms,
    }
    return {name: round(value, 3) for name, value in spent.items()}
