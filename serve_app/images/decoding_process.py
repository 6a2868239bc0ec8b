"""Decodes expensive images in a process of its own.

The process has a low priority, so that ordinary images get the cores first. It can be stopped at any moment, also
within a codec, which no thread can: a timer of the kernel ends it at the deadline, and its parent when the client
disconnects. What comes back is text and pixels, never a pickle, because a codec may have been taken over.
"""

import json
import logging
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from threading import Lock
from typing import IO, Any, Final

import numpy as np

from models.arrays import UInt8Array
from models.spec import Transform
from serve_app.errors import DeadlineExceeded, InternalError, RaylensError, Unavailable, error_of
from serve_app.images.decoding import decode
from serve_app.types import ImageInfo

logger = logging.getLogger(__name__)

NICENESS: Final = 10
"""Added to that of the parent: a tenth of the time of a core that ordinary images need too."""

_MAIN: Final = "import sys; sys.path[:] = {path!r}; from serve_app.images.decoding_process import serve; serve()"

_STOPPED: Final = "The deadline passed while the image was decoded; allow more time or send a smaller image."


class Stop:
    """Stops the decoding of the images of a call, which may be in progress or not have begun."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._processes: set[subprocess.Popen[bytes]] = set()
        self.is_set = False

    def set(self) -> None:
        """Stop now."""
        with self._lock:
            self.is_set = True
            for process in self._processes:
                process.kill()

    @contextmanager
    def killing(self, process: subprocess.Popen[bytes]) -> Iterator[None]:
        """Kill the process if it is time to stop during this context. Raises DeadlineExceeded if it was before."""
        with self._lock:
            if self.is_set:
                raise DeadlineExceeded(_STOPPED)
            self._processes.add(process)
        try:
            yield
        finally:
            with self._lock:
                self._processes.remove(process)


class DecodingProcess:
    """A process that decodes one image at a time. It starts with the first one, and again after it was stopped."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def decode(self, data: bytes, transform: Transform, left_s: float, stop: Stop) -> tuple[ImageInfo, UInt8Array]:
        """Like :func:`serve_app.images.decoding.decode`, for at most ``left_s`` seconds.

        :raises DeadlineExceeded: they have passed, or ``stop`` was set.
        :raises Unavailable: the process died.
        """
        process = self._running()
        with stop.killing(process):
            try:
                _send(process.stdin, {"transform": asdict(transform), "left_s": left_s}, data)
                header, body = _receive(process.stdout)
            except (OSError, EOFError):
                self.close()
                if stop.is_set or process.returncode == -signal.SIGALRM:
                    raise DeadlineExceeded(_STOPPED) from None
                raise Unavailable("The process that decoded the image died; try again, or send it as JPEG.") from None
        if "error" in header:
            raise error_of(header["error"], header["message"])
        return ImageInfo(**header["info"]), np.frombuffer(body, np.uint8).reshape(transform.shape)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            # Freed memory must go back to the system, unlike in the replicas, whose images are alike.
            environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
            self._process = subprocess.Popen(  # noqa: S603 - no user input
                [sys.executable, "-c", _MAIN.format(path=sys.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment,
            )
        return self._process

    def close(self) -> None:
        """End the process."""
        if process := self._process:
            self._process = None
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    with suppress(OSError):  # of data that nobody reads any more
                        pipe.close()


def serve() -> None:
    """The process: decode images until the parent closes the pipe."""
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal; the parent decides when to end
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints must not disturb the replies
    while True:
        try:
            header, data = _receive(requests)
        except EOFError:
            return
        signal.setitimer(signal.ITIMER_REAL, max(header["left_s"], 1e-3))
        reply, pixels = _decoded(data, Transform(**header["transform"]))
        signal.setitimer(signal.ITIMER_REAL, 0)
        _send(replies, reply, pixels)


def _decoded(data: bytes, transform: Transform) -> tuple[dict[str, Any], bytes]:
    try:
        info, pixels = decode(data, transform)
    except RaylensError as error:
        return {"error": error.code, "message": error.message}, b""
    except Exception:
        logger.exception("Failed to decode an image of %d bytes", len(data))
        return {"error": InternalError.code, "message": "The image could not be decoded."}, b""
    return {"info": asdict(info)}, pixels.tobytes()


def _send(pipe: IO[bytes] | None, header: dict[str, Any], body: bytes) -> None:
    """A line of JSON, then the bytes whose number it states."""
    assert pipe is not None  # noqa: S101 - for the type checker
    pipe.write(json.dumps(header | {"bytes": len(body)}).encode() + b"\n")
    pipe.write(body)
    pipe.flush()


def _receive(pipe: IO[bytes] | None) -> tuple[dict[str, Any], bytes]:
    """:raises EOFError: the pipe was closed before the end of the message."""
    assert pipe is not None  # noqa: S101
    line = pipe.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    header: dict[str, Any] = json.loads(line)
    size = header.pop("bytes")
    body = pipe.read(size)
    if len(body) < size:
        raise EOFError
    return header, body
