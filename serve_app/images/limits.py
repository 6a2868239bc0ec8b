"""Size limits of images, for uploads and URLs."""

from typing import Final

MAX_IMAGE_BYTES: Final = 20 * 1024 * 1024
"""Size of the encoded file."""

MAX_IMAGE_PIXELS: Final = 64_000_000
"""Width × height, from the header."""

MAX_DECODED_BYTES: Final = 16 * MAX_IMAGE_PIXELS
"""Memory for decoding, of all images together in a process."""

MAX_SCAN_PIXELS: Final = 20 * MAX_IMAGE_PIXELS
"""Pixels × scans of a JPEG, each of whose scans costs something for each pixel. Encoders write up to 15 scans."""
