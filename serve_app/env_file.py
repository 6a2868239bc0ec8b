"""The file ``.env``."""

from pathlib import Path

from dotenv.parser import parse_stream


def first_invalid_line(path: Path) -> int | None:
    """The number of the first line that is not ``NAME=value``, which python-dotenv skips. None without such a line.

    Raises OSError or UnicodeDecodeError if the file cannot be read.
    """
    if not path.is_file():
        return None
    with path.open(encoding="utf-8-sig") as file:
        return next((binding.original.line for binding in parse_stream(file) if binding.error), None)
