"""Decodes JPEGs, and rejects those of which a part is missing."""

from io import BytesIO
from typing import Final, Protocol

from PIL import Image, JpegImagePlugin

from serve_app.images.colour import conversion_bytes
from serve_app.images.fast_jpeg import decode_ordinary, is_ordinary, reduction_of
from serve_app.images.jpeg_structure import JpegStructure, PartOfPicture
from serve_app.images.stored_picture import LoadedPicture, StoredPicture, damaged, image_bytes

_PROBES: Final = (b"\xff\x00" * 8, b"\xff\x00" * 3)
"""Data of ones only: the decoder needs up to 8 bytes more than a scan has, and no code consists of ones.

Between two scans it skips the bytes of the probes. Within an incomplete scan it takes them for pixels, but they do not
suffice, and it keeps some of the first or of the second probe until it gets more.
"""

_COPIES: Final = 3
"""Copies of the data of a scan: header and data together, and what the decoder leaves of it."""

_END: Final = b"\xff\xd9"


class Decoder(Protocol):
    """Pillow's incremental decoder: takes data, returns how much it consumed, or -1 at the end, and an error code."""

    def decode(self, data: bytes) -> tuple[int, int]: ...


def open_jpeg(data: bytes, least: int) -> StoredPicture:
    """``least``: the picture is decoded at 1/2, 1/4 or 1/8 of its size if that leaves as many pixels per side.

    :raises CorruptImage, UnsupportedImage: by the header.
    """
    structure = JpegStructure(data)
    return _ordinary(structure, least) if is_ordinary(structure) else _unusual(structure, least)


def _ordinary(structure: JpegStructure, least: int) -> StoredPicture:
    reduction = reduction_of(structure.size, least)
    decoded_bytes = image_bytes("RGB", structure.size) + _COPIES * len(structure)

    def load() -> LoadedPicture:
        return decode_ordinary(structure, reduction) or _unusual(structure, least).load()

    return StoredPicture(structure.size, structure.orientation, decoded_bytes, load)


def _unusual(structure: JpegStructure, least: int) -> StoredPicture:
    """Any JPEG, decoded with Pillow."""
    image = JpegImagePlugin.JpegImageFile(BytesIO(structure.header))
    size = image.size
    draft = image.draft(None, (least, least))
    reduction = round(size[0] / draft[1][2]) if draft else 1
    decoded_bytes = image_bytes(image.mode, image.size) + max(
        structure.coefficient_bytes + _COPIES * len(structure), conversion_bytes(image.mode, image.size)
    )

    def load() -> LoadedPicture:
        _decode(image, structure)
        return LoadedPicture(image, reduction)

    return StoredPicture(size, structure.orientation, decoded_bytes, load, structure.number_of_scans)


def decode_jpeg(data: bytes, modes: tuple[str, str], largest: tuple[int, int], container: PartOfPicture) -> Image.Image:
    """The whole picture, for files that contain JPEGs of at most the ``largest`` width and height.

    ``modes`` are what the decoder returns and what the data holds, since the container knows it better.

    :raises CorruptImage, UnsupportedImage: like :func:`open_jpeg` and its ``load``.
    """
    structure = JpegStructure(data, container)
    image = JpegImagePlugin.JpegImageFile(BytesIO(structure.header))
    if image.width > largest[0] or image.height > largest[1]:
        raise damaged("JPEG", "it is larger than its container says")
    image.tile = [image.tile[0]._replace(args=modes)]
    _decode(image, structure)
    return image


def _decode(image: JpegImagePlugin.JpegImageFile, structure: JpegStructure) -> None:
    """Decode scan by scan with Pillow's decoder, like ``image.load()``.

    libjpeg replaces missing data with grey and reports it as a warning that Pillow drops. But it waits for more data as
    long as the end is not marked. So each part is passed on without its end.
    """
    image.load_prepare()
    tile = image.tile[0]
    decoder = Image._getdecoder(image.mode, tile.codec_name, tile.args, image.decoderconfig)
    try:
        decoder.setimage(image.im, tile.extents)
        if not _is_complete(decoder, structure):
            raise damaged("JPEG", "a part of the picture is missing")
    finally:
        decoder.cleanup()
    image.tile = []
    image.load_end()


def _is_complete(decoder: Decoder, structure: JpegStructure) -> bool:
    """Feed the decoder; whether all parts were complete.

    :raises OSError: the data is invalid.
    """
    rest = structure.header
    for parts in structure.scans():
        for part in parts:
            for piece in (part, *_PROBES):
                rest, done = _feed(decoder, rest + piece)
                if done:
                    return True
                if piece is not part and len(rest) > 1:
                    return False
    return _feed(decoder, rest + _END)[1]


def _feed(decoder: Decoder, data: bytes) -> tuple[bytes, bool]:
    """What the decoder leaves of ``data``, and whether it has all pixels."""
    consumed, error = decoder.decode(data)
    if error < 0:
        raise OSError(f"libjpeg reports {error}")
    return (b"", True) if consumed < 0 else (data[consumed:], False)
