"""Rates in the notation of the settings: ``600/minute``."""

import re
from dataclasses import dataclass

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_PATTERN = re.compile(r"([0-9]{1,9})/(second|minute|hour|day)")


@dataclass(frozen=True, slots=True)
class Rate:
    """A number of images per period. All of them may be sent in one burst."""

    images: int
    period_s: int

    @property
    def interval_s(self) -> float:
        """Seconds of the period that one image consumes."""
        return self.period_s / self.images

    def __str__(self) -> str:
        unit = next(name for name, seconds in _SECONDS.items() if seconds == self.period_s)
        return f"{self.images}/{unit}"


def parse_rates(text: str) -> tuple[Rate, ...]:
    """Parse ``600/minute, 20000/day``; all rates apply. ``off`` means none. Raises ValueError for anything else."""
    if text.strip().lower() == "off":
        return ()
    return tuple(_rate(part.strip().lower()) for part in text.split(","))


def check_rates(text: str) -> str:
    """The text, if it can be parsed. Raises ValueError."""
    parse_rates(text)
    return text


def _rate(text: str) -> Rate:
    match = _PATTERN.fullmatch(text)
    if match is None or int(match[1]) == 0:
        raise ValueError(f"{text!r} is not a rate: write it like 600/minute (second, minute, hour, day), or off")
    return Rate(int(match[1]), _SECONDS[match[2]])
