"""Durations on the command line."""

import re
from typing import Final

import typer

_UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


def parse_duration(text: str | float) -> float:
    """Seconds of 90, 90s, 15m, 2h or 1d. Raises BadParameter."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smhd]?)", str(text).strip())
    if not found or not float(found[1]):
        raise typer.BadParameter(f"{text} is not a duration; use for example 90s, 15m or 2h.")
    return float(found[1]) * _UNITS[found[2]]
