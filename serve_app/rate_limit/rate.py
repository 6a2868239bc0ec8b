"""A rate as people write it: ``600/minute``."""

import re
from dataclasses import dataclass

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_FORM = re.compile(r"([0-9]{1,9})/(second|minute|hour|day)")


@dataclass(frozen=True, slots=True)
class Rate:
    """So many images in a period; all of them may come at once."""

    images: int
    period_s: int

    @property
    def interval_s(self) -> float:
        """Seconds of the period that one image uses up."""
        return self.period_s / self.images

    def __str__(self) -> str:
        unit = next(name for name, seconds in _SECONDS.items() if seconds == self.period_s)
        return f"{self.images}/{unit}"


def parse_rates(text: str) -> tuple[Rate, ...]:
    """``600/minute, 20000/day`` as rates that all hold, ``off`` as none. Raises ValueError for anything else."""
    if text.strip().lower() == "off":
        return ()
    return tuple(_rate(part.strip().lower()) for part in text.split(","))


def _rate(text: str) -> Rate:
    match = _FORM.fullmatch(text)
    if match is None or int(match[1]) == 0:
        raise ValueError(f"{text!r} is no rate: write like 600/minute (second, minute, hour, day), or off")
    return Rate(int(match[1]), _SECONDS[match[2]])
