"""Standard output and standard error, whatever state they are in when the command starts."""

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any


class LossyStream:
    """A text stream whose write errors are ignored: a full disk, a closed terminal or pipe."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - attributes of the stream
        return getattr(self._stream, name)


@contextmanager
def lossy_stderr() -> Iterator[None]:
    """Within it, messages that cannot be written are lost, instead of ending the command with a traceback."""
    _open_closed_descriptors()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # where the locale lacks a letter
    original = sys.stderr
    sys.stderr = LossyStream(original)
    try:
        yield
    finally:
        sys.stderr = original
        try:
            original.flush()
        except OSError:
            _discard(original)


def write_stdout(text: str = "") -> str | None:
    """Write the text and what is still buffered. Returns the reason if that fails, for example on a full disk."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        _discard(sys.stdout)
    except OSError as error:
        _discard(sys.stdout)
        return error.strerror
    return None


def _open_closed_descriptors() -> None:
    """A file opened later would otherwise take the place of a closed stream, and receive what is written to that."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free descriptor, which is this one
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115


def _discard(stream: IO[str]) -> None:
    """Keep Python from trying, and complaining, once more when it exits."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
