"""Where the coded strips or tiles of a TIFF are.

Parts may overlap, as equal tiles do in some files. So the parts of a small file can have gigabytes, which take as much
memory or work as if they were there.
"""

from typing import Final, NamedTuple

from serve_app.images import tiff_directory as tag
from serve_app.images.limits import MAX_IMAGE_BYTES
from serve_app.images.stored_picture import damaged
from serve_app.images.tiff_directory import Tags

MAX_PART_BYTES: Final = 2 * MAX_IMAGE_BYTES
"""Of all parts, with the tables that each JPEG gets."""


class TiffParts(NamedTuple):
    """The parts in the order of the file. ``names`` are the tags with their starts and sizes."""

    names: tuple[int, int]
    places: list[slice]

    @classmethod
    def of(cls, length: int, tags: Tags, *, tiled: bool) -> "TiffParts":
        """``length``: bytes of the file.

        :raises CorruptImage: sizes are missing, or overlapping parts have too many bytes.
        """
        names = (tag.TILE_OFFSETS, tag.TILE_BYTES) if tiled else (tag.STRIP_OFFSETS, tag.STRIP_BYTES)
        offsets, sizes = (tags.get(name, ()) for name in names)
        if len(sizes) < len(offsets):
            raise damaged("TIFF", "the sizes of its parts are missing")
        places = [slice(start, min(start + size, length)) for start, size in zip(offsets, sizes, strict=False)]
        parts = cls(names, places)
        if parts.total + len(places) * len(tags.get(tag.JPEG_TABLES, ())) > MAX_PART_BYTES:
            raise damaged("TIFF", f"its parts have more than {MAX_PART_BYTES >> 20} MiB")
        return parts

    @property
    def total(self) -> int:
        """Bytes of all parts."""
        return sum(max(0, place.stop - place.start) for place in self.places)
