"""An in-memory file with a limited number of reads."""

from io import BytesIO
from typing import Final

from serve_app.errors import CorruptImage
from serve_app.images.formats import ImageFormat

_MAX_READS: Final[dict[ImageFormat, int]] = {"TIFF": 20_000}
_MAX_READS_ELSE: Final = 50_000


class BoundedFile(BytesIO):
    """The input of Pillow, protected against files that consist of headers only.

    Pillow parses the blocks of a GIF and the strips of a TIFF in Python: 20 MiB of empty ones would hold the GIL for
    minutes.
    """

    def __init__(self, data: bytes, file_format: ImageFormat) -> None:
        super().__init__(data)
        self._left = _MAX_READS.get(file_format, _MAX_READS_ELSE)

    def read(self, size: int | None = -1, /) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise CorruptImage("The file has more parts than programs write. Saving it again may help.")
        return super().read(size)
