"""More images in a request: 1, 4, 16 and 64, with as many images under way at once, against the real model."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from benchmarks.growth.loaded import Loaded, observe
from benchmarks.load import LoadFailed, Workload
from benchmarks.service import Service

UNDER_WAY: Final = 64
"""Images: those of all connections together."""

BUNDLES: Final = (1, 4, 16, 64)
STEPS: Final = len(BUNDLES) + 2
BOUNDARY: Final = "raylens-bench-7d1f0c"
CONTENT_TYPE: Final = f"multipart/form-data; boundary={BOUNDARY}"
PATH: Final = "/api/v1/classifications?cache=off"
FEWEST_BODIES: Final = 4

Step = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Bundles:
    """One round."""

    runs: dict[int, Loaded]
    """By images in a request."""
    alone: Loaded
    """One connection with one image a request: each image goes down the graph by itself."""


def body(photos: list[bytes]) -> bytes:
    """As ``CONTENT_TYPE``, a part named “file” for each."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="photo.jpg"\r\n'
    head += "Content-Type: image/jpeg\r\n\r\n"
    return b"".join(head.encode() + photo + b"\r\n" for photo in photos) + f"--{BOUNDARY}--\r\n".encode()


def bodies(photos: list[bytes], bundle: int) -> list[bytes]:
    """Requests that take the photos in turn, each photo as often as any other."""
    number = max(FEWEST_BODIES, len(photos) // bundle)
    return [
        body([photos[(first * bundle + place) % len(photos)] for place in range(bundle)]) for first in range(number)
    ]


def measure(photos: list[bytes], seconds: float, step: Step) -> tuple[Bundles, dict[str, Any]]:
    """One round, and the model as the service reports it. Raises ServiceFailed or LoadFailed."""
    with tempfile.TemporaryDirectory(prefix="raylens-bench-") as folder:
        step("starting the service")
        with Service(Path(folder), photos[0]) as service:
            step("1 image, 1 connection")
            alone = _run(service, photos, 1, 1, seconds)
            runs = {}
            for bundle in BUNDLES:
                step(f"{bundle} images a request")
                runs[bundle] = _run(service, photos, bundle, UNDER_WAY // bundle, seconds)
            return Bundles(runs, alone), service.model()


def _run(service: Service, photos: list[bytes], bundle: int, connections: int, seconds: float) -> Loaded:
    made = bodies(photos, bundle)
    _check(service, made[0], bundle)
    with Workload.of(PATH, CONTENT_TYPE, made) as workload:
        return observe(service, workload, connections, seconds, bundle)


def _check(service: Service, sent: bytes, bundle: int) -> None:
    """The load generator sees one status a request; whether each image got its classes shows here."""
    answer = httpx.post(f"{service.url}{PATH}", content=sent, headers={"Content-Type": CONTENT_TYPE}, timeout=60)
    items = answer.json()["items"] if answer.is_success and bundle > 1 else [answer.json()]
    if len(items) != bundle or not all("predictions" in item for item in items):
        raise LoadFailed(f"{bundle} images answered {answer.status_code}: {answer.text[:300]}")
