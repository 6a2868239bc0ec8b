"""Bytes in memory that may be read in a limited number of pieces."""

from io import BytesIO
from typing import Final

from serve_app.errors import CorruptImage
from serve_app.images.formats import ImageFormat

_MAX_READS: Final[dict[ImageFormat, int]] = {"JPEG": 4_000, "TIFF": 20_000}
_MAX_READS_ELSE: Final = 50_000


class BoundedFile(BytesIO):
    """What Pillow reads from, against files that are all headers.

    Pillow walks segments, chunks and tags in Python: 20 MiB of empty ones hold the interpreter lock for minutes.
    A JPEG takes about four reads a segment and joins its EXIF segments in quadratic time, so its limit is the lower;
    a colour profile in 255 segments and extended XMP in 300 stay below it.
    """

    def __init__(self, data: bytes, file_format: ImageFormat) -> None:
        super().__init__(data)
        self._left = _MAX_READS.get(file_format, _MAX_READS_ELSE)

    def read(self, size: int | None = -1, /) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise CorruptImage("The file is in more pieces than any camera or program makes. Saved anew it may work.")
        return super().read(size)
