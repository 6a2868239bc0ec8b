"""An in-memory file with a limited number of reads."""

from io import BytesIO
from typing import Final

from serve_app.errors import CorruptImage

_MAX_READS: Final = 20_000


class BoundedFile(BytesIO):
    """The input of Pillow for files that it reads piece by piece in Python, like the strips of a TIFF.

    20 MiB of empty pieces would hold the GIL for minutes.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._left = _MAX_READS

    def read(self, size: int | None = -1, /) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise CorruptImage("The file has more parts than programs write. Saving it again may help.")
        return super().read(size)
