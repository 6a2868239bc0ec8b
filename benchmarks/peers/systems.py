"""A common interface to running systems: Raylens and its peers."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import psutil

from benchmarks.load import Workload
from benchmarks.peers import request_format
from benchmarks.peers.catalogue import Peer
from benchmarks.peers.engine import PeerConfig
from benchmarks.peers.request_format import Answer, RequestFormat
from benchmarks.peers.server import PeerServer, free_port_pair
from benchmarks.peers.sizes import PHOTO, Photos
from benchmarks.service import Service

RAYLENS_PATH: Final = "/api/v1/classifications"


@dataclass(frozen=True, slots=True)
class System:
    """A running system."""

    url: str
    start_s: float
    workloads: dict[str, Workload]
    """By photo size."""
    classify: Callable[[bytes], Answer]
    processes: Callable[[], list[psutil.Process]]
    log_end: Callable[[], str]


class Workloads:
    """Workloads by request format, each written to disk once."""

    def __init__(self, photos: Photos, stack: ExitStack) -> None:
        self._photos = photos
        self._stack = stack
        self._made: dict[str, dict[str, Workload]] = {}

    def of(self, path: str, form: RequestFormat) -> dict[str, Workload]:
        """By photo size."""
        key = f"{form.content_type} {form.description}"
        if key not in self._made:
            self._made[key] = {
                size: self._stack.enter_context(
                    Workload.of("", form.content_type, [form.encode(file) for file in files])
                )
                for size, files in self._photos.files.items()
            }
        return {size: replace(made, path=path, header=form.header) for size, made in self._made[key].items()}


@contextmanager
def raylens(workloads: Workloads, photos: Photos) -> Iterator[tuple[System, Service]]:
    """Raises ServiceFailed."""
    with (
        tempfile.TemporaryDirectory(prefix="raylens-bench-") as folder,
        Service(Path(folder), photos.files[PHOTO][0]) as service,
    ):

        def classify(photo: bytes) -> Answer:
            return [(entry["index"], entry["probability"]) for entry in service.classify(photo)["predictions"]]

        sent = workloads.of(f"{RAYLENS_PATH}?cache=off", request_format.BODY)
        yield System(service.url, service.start_s, sent, classify, service.processes, service.log_end), service


@contextmanager
def peer(which: Peer, python: Path, config: PeerConfig, workloads: Workloads, photos: Photos) -> Iterator[System]:
    """Start a peer; port and folder are added to ``config``. Raises PeerFailed."""
    with tempfile.TemporaryDirectory(prefix="raylens-bench-") as folder:
        own = replace(config, port=free_port_pair(), folder=folder)
        with PeerServer(which, python, own, photos.files[PHOTO][0]) as server:
            sent = workloads.of(which.path, which.request_format)
            yield System(server.url, server.start_s, sent, server.classify, server.processes, server.log_end)
