"""How large an image may be, whichever way it came in."""

from typing import Final

MAX_IMAGE_BYTES: Final = 20 * 1024 * 1024
"""Of the encoded file."""

MAX_IMAGE_PIXELS: Final = 64_000_000
"""Width × height by the header."""
