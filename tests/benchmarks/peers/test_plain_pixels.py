"""Preprocessing as the documentation of most serving systems shows it."""

import io

import numpy as np
from PIL import Image

from benchmarks.peers.plain_pixels import plain_pixels
from benchmarks.photos import photos
from models.spec import Transform
from serve_app.images.decoding import decode

TRANSFORM = Transform.square(224, 0.875)


def test_pixels_are_close_to_those_of_the_service():
    """Both crop and resize alike, so only rounding and the way of decoding differ."""
    for photo in photos(4):
        plain, ours = plain_pixels(photo, TRANSFORM), decode(photo, TRANSFORM)[1]
        assert plain.shape == ours.shape
        assert np.abs(plain.astype(float) - ours).mean() < 2


def test_photos_are_turned_upright():
    picture = Image.new("RGB", (64, 48), "white")
    picture.paste("black", (0, 0, 64, 24))
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    file = io.BytesIO()
    picture.save(file, "JPEG", exif=exif)
    pixels = plain_pixels(file.getvalue(), Transform.square(32, 1.0))
    assert pixels[:8].mean() > 250
    assert pixels[-8:].mean() < 5
