"""Makes text from a server safe to print on a terminal."""


def printable_line(text: str) -> str:
    """One line, without control characters."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
