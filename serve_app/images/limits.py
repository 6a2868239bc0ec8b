"""Size limits of images, for uploads and URLs."""

from typing import Final

MAX_IMAGE_BYTES: Final = 20 * 1024 * 1024
"""Size of the encoded file."""

MAX_IMAGE_PIXELS: Final = 64_000_000
"""Width × height, from the header."""
