"""Lists of names in settings."""

import json


def parse_names(text: str) -> tuple[str, ...]:
    """Names separated by commas, or a JSON list of them. Raises ValueError for other JSON."""
    names = _json_list(text) if text.lstrip().startswith("[") else text.split(",")
    return tuple(name.strip() for name in names if name.strip())


def at_least_one(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names. Raises ValueError if there is none."""
    if not names:
        raise ValueError("the list is empty; write at least one name, or unset it for the default")
    return names


def _json_list(text: str) -> list[str]:
    try:
        names = json.loads(text)
    except (ValueError, RecursionError):
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError('is no JSON list of strings; write it like ["first", "second"]')
    return names
