"""Measures requests with 1, 4, 16 and 64 images, with a constant number of images in flight and the real model."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from benchmarks.growth.load_run import LoadRun, observe
from benchmarks.load import LoadFailed, Workload
from benchmarks.service import Service

IMAGES_IN_FLIGHT: Final = 64
"""Total of all connections."""

IMAGES_PER_REQUEST: Final = (1, 4, 16, 64)
STEPS: Final = len(IMAGES_PER_REQUEST) + 2
BOUNDARY: Final = "raylens-bench-7d1f0c"
CONTENT_TYPE: Final = f"multipart/form-data; boundary={BOUNDARY}"
PATH: Final = "/api/v1/classifications?cache=off"
FEWEST_BODIES: Final = 4

Step = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class RequestSizes:
    """One round."""

    runs: dict[int, LoadRun]
    """By images per request."""
    alone: LoadRun
    """One connection with one image per request, so that batches have one image."""


def body(photos: list[bytes]) -> bytes:
    """A multipart body of ``CONTENT_TYPE`` with one part named ``file`` per photo."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="photo.jpg"\r\n'
    head += "Content-Type: image/jpeg\r\n\r\n"
    return b"".join(head.encode() + photo + b"\r\n" for photo in photos) + f"--{BOUNDARY}--\r\n".encode()


def bodies(photos: list[bytes], count: int) -> list[bytes]:
    """Request bodies that cycle through the photos, using each equally often."""
    number = max(FEWEST_BODIES, len(photos) // count)
    return [body([photos[(first * count + place) % len(photos)] for place in range(count)]) for first in range(number)]


def measure(photos: list[bytes], seconds: float, step: Step) -> tuple[RequestSizes, dict[str, Any]]:
    """Return one round and the model as reported by the service. Raises ServiceFailed or LoadFailed."""
    with tempfile.TemporaryDirectory(prefix="raylens-bench-") as folder:
        step("starting the service")
        with Service(Path(folder), photos[0]) as service:
            step("1 image, 1 connection")
            alone = _run(service, photos, 1, 1, seconds)
            runs = {}
            for count in IMAGES_PER_REQUEST:
                step(f"{count} images per request")
                runs[count] = _run(service, photos, count, IMAGES_IN_FLIGHT // count, seconds)
            return RequestSizes(runs, alone), service.model()


def _run(service: Service, photos: list[bytes], count: int, connections: int, seconds: float) -> LoadRun:
    made = bodies(photos, count)
    _check(service, made[0], count)
    with Workload.of(PATH, CONTENT_TYPE, made) as workload:
        return observe(service, workload, connections, seconds, count)


def _check(service: Service, sent: bytes, count: int) -> None:
    """Check that every image of a request is classified; the load generator only sees one status."""
    answer = httpx.post(
        f"{service.url}{PATH}", content=sent, headers={"Content-Type": CONTENT_TYPE}, timeout=60, trust_env=False
    )
    items = answer.json()["items"] if answer.is_success and count > 1 else [answer.json()]
    if len(items) != count or not all("predictions" in item for item in items):
        raise LoadFailed(f"{count} images answered {answer.status_code}: {answer.text[:300]}")
