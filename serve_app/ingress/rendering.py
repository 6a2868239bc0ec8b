"""JSON of classifications. Built by hand, because it runs once per image on the ingress's only thread."""

from datetime import UTC, datetime
from typing import Any

from models.labels import Labels
from serve_app.ingress.classification import ClassifiedImage
from serve_app.types import Record


def timestamp(unix_s: float) -> str:
    """RFC 3339 in UTC, with microseconds."""
    return datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _predictions(labels: Labels, indices: list[int], probabilities: list[float]) -> list[dict[str, Any]]:
    return [
        {
            "rank": rank,
            "index": index,
            "wnid": labels.wnid(index),
            "label": labels.name(index),
            "probability": min(1.0, max(0.0, probability)),
        }
        for rank, (index, probability) in enumerate(zip(indices, probabilities, strict=True), 1)
    ]


def _image(sha256: str, image_format: str, width: int, height: int, url: str | None) -> dict[str, Any]:
    image = {"sha256": sha256, "format": image_format, "width": width, "height": height}
    return image if url is None else image | {"url": url}


def classification(answer: ClassifiedImage) -> dict[str, Any]:
    """The JSON of a new classification."""
    query, result = answer.query, answer.result
    indices = result.indices[: query.top_k].tolist()
    probabilities = result.probabilities[: query.top_k].tolist()
    return {
        "id": query.id,
        "created_at": timestamp(query.received_at),
        "image": _image(query.sha256, result.info.format, result.info.width, result.info.height, query.url),
        "model": {
            "name": query.model,
            "version": result.model_version,
            "runtime": result.runtime,
            "precision": result.precision,
        },
        "predictions": _predictions(answer.model.labels, indices, probabilities),
        "cached": answer.outcome != "miss",
        "timings_ms": answer.timings_ms,
    }


def recorded(record: Record, labels: Labels | None) -> dict[str, Any]:
    """The JSON of a past classification. ``labels``: of its model; None if the model is no longer in service."""
    indices = [index for index, _ in record.predictions]
    probabilities = [probability for _, probability in record.predictions]
    if labels is None:
        predictions = [
            {
                "rank": 1,
                "index": indices[0],
                "wnid": record.wnid,
                "label": record.label,
                "probability": probabilities[0],
            }
        ]
    else:
        predictions = _predictions(labels, indices, probabilities)
    return {
        "id": record.id,
        "created_at": timestamp(record.created_at),
        "image": _image(record.sha256, record.format, record.width, record.height, record.url),
        "model": {
            "name": record.model,
            "version": record.model_version,
            "runtime": record.runtime,
            "precision": record.precision,
        },
        "predictions": predictions,
        "cached": record.cached,
        "timings_ms": record.timings_ms,
    }


def legacy(answer: ClassifiedImage) -> dict[str, Any]:
    """The original application's JSON; the time in seconds."""
    result = answer.result
    return {
        "classification": answer.model.labels.name(int(result.indices[0])),
        "confidence": round(float(result.probabilities[0]), 4),
        "processing_time": round(answer.timings_ms["total"] / 1e3, 6),
    }
