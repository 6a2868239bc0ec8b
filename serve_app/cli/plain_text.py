"""Text of a server on the user's terminal."""


def plain(text: str) -> str:
    """One line, without the control characters a terminal would obey."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
