"""What an examination finds."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """A warning need not keep the service from working."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One row; ``advice`` where there is something to do."""

    name: str
    state: State
    detail: str
    advice: str = ""


def ok(name: str, detail: str) -> Finding:
    return Finding(name, State.OK, detail)


def warning(name: str, detail: str, advice: str = "") -> Finding:
    return Finding(name, State.WARNING, detail, advice)


def failed(name: str, detail: str, advice: str = "") -> Finding:
    return Finding(name, State.FAILED, detail, advice)
