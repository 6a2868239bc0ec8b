"""Numbers in paths, queries and headers: the digits 0 to 9.

Pydantic and ``float`` also take ``1_000``, ``+5``, spaces and ``nan``, and ``float`` digits of all scripts.
"""

import re
from typing import Final

from pydantic import BeforeValidator

_INTEGER: Final = re.compile(r"-?[0-9]{1,19}")
_NUMBER: Final = re.compile(r"-?[0-9]{1,19}(?:\.[0-9]{1,19})?")


def parse_number(text: str) -> float | None:
    """A number with or without decimals; None for anything else."""
    return float(text) if _NUMBER.fullmatch(text) else None


def _integer(value: object) -> object:
    if isinstance(value, str) and not _INTEGER.fullmatch(value):
        raise ValueError("write an integer with the digits 0 to 9")
    return value


def _number(value: object) -> object:
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise ValueError("write a number with the digits 0 to 9 and at most one decimal point")
    return value


INTEGER: Final = BeforeValidator(_integer)
"""Part of the type of all integers in paths and queries, after ``Path`` or ``Query``."""
NUMBER: Final = BeforeValidator(_number)
"""The same for other numbers."""
