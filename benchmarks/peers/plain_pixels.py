"""Decoding and resizing as the documentation of most serving systems shows it: Pillow, the whole picture, bicubic."""

import io

import numpy as np
from PIL import Image, ImageOps

from models.arrays import UInt8Array
from models.spec import Transform


def plain_pixels(photo: bytes, transform: Transform) -> UInt8Array:
    """uint8 (height, width, 3): the upright picture, its centre resized to the size of the model."""
    with Image.open(io.BytesIO(photo)) as opened:
        picture = ImageOps.exif_transpose(opened.convert("RGB"))
    width, height = picture.size
    scale = min(width / transform.width, height / transform.height) * transform.crop
    across, down = transform.width * scale, transform.height * scale
    left, top = (width - across) / 2, (height - down) / 2
    box = (left, top, left + across, top + down)
    return np.asarray(picture.resize((transform.width, transform.height), Image.Resampling.BICUBIC, box))
