"""GIF, WebP and AVIF: the first picture counts, with what is damaged around it skipped."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from serve_app.errors import CorruptImage, TooManyPixels, UnsupportedImage
from serve_app.images.decoding import decode, inspect
from serve_app.types import ImageInfo
from tests.images.pictures import encode, full_pixels, photo, square

TAGS = Image.Exif()
TAGS[0x0112] = 6


def translucent() -> Image.Image:
    picture = photo(64, 48)
    picture.putalpha(Image.linear_gradient("L").resize((64, 48)))
    return picture


# --- GIF


def gif(frame: Image.Image, box: tuple[int, int], screen: tuple[int, int] = (64, 48), background: int = 0) -> bytes:
    """A GIF whose first frame lies at ``box`` within the screen."""
    data = bytearray(encode(frame, "GIF"))
    at = data.index(b"\x2c", 13 + 3 * 2 ** ((data[10] & 7) + 1))
    data[6:10] = b"".join(side.to_bytes(2, "little") for side in screen)
    data[11] = background
    data[at + 1 : at + 5] = b"".join(side.to_bytes(2, "little") for side in box)
    return bytes(data)


@pytest.mark.parametrize("background", [0, 7])
def test_the_outside_of_a_partial_first_frame_is_white(background: int):
    frame = photo(30, 20).quantize(64)
    pixels = full_pixels(gif(frame, (20, 10), background=background))
    expected = np.full((48, 64, 3), 255)
    expected[10:30, 20:50] = np.asarray(frame.convert("RGB"))
    np.testing.assert_array_equal(pixels, expected)


def test_transparent_pixels_of_a_partial_frame_are_white():
    frame = photo(30, 20).quantize(16)
    index = int(np.asarray(frame)[10, 15])
    data = bytearray(gif(frame, (20, 10)))
    at = data.index(b"\x2c", 13 + 3 * 2 ** ((data[10] & 7) + 1))
    data[at:at] = b"\x21\xf9\4\1\0\0" + bytes((index, 0))
    assert tuple(full_pixels(bytes(data))[20, 35]) == (255, 255, 255)
    assert tuple(full_pixels(bytes(data))[0, 0]) == (255, 255, 255)


def test_a_gif_may_end_with_its_pixels():
    frames = [photo(64, 48), photo(64, 48, seed=1)]
    whole = encode(frames[0], "GIF")
    animation = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(full_pixels(whole[:-2]), full_pixels(whole))
    np.testing.assert_array_equal(full_pixels(animation[: len(animation) * 2 // 3]), full_pixels(animation))
    with pytest.raises(CorruptImage):
        decode(whole[: len(whole) // 2] + b"\0;", square())
    with pytest.raises(CorruptImage):
        decode(b"GIF89a\x40\0\x30\0\0\0\0;", square())


@pytest.mark.parametrize(
    "extension",
    [
        b"!\xfe\5abcde\0",
        b"!\xf9\0",
        b"!\xf9\1\1\0",
        b"!\xff\x0bNETSCAPE2.0\0",
        b"!\xff\x0bNETSCAPE2.0\1\1\0",
        b"!\xff\x0bICCRGBG1012" + b"\xff" + b"x" * 255 + b"\0",
        b"!\x01\0",
        b"\0\0\0",
    ],
)
def test_damaged_extensions_of_a_gif_are_skipped(extension: bytes):
    plain = encode(photo(64, 48), "GIF")
    at = 13 + 3 * 2 ** ((plain[10] & 7) + 1)
    np.testing.assert_array_equal(full_pixels(plain[:at] + extension + plain[at:]), full_pixels(plain))


# --- WebP


@pytest.mark.parametrize("lossless", [True, False])
def test_profiles_and_metadata_of_a_webp_may_be_damaged(lossless: bool):
    plain = encode(translucent(), "WEBP", lossless=lossless)
    data = encode(
        translucent(), "WEBP", lossless=lossless, icc_profile=b"profile!" * 9, exif=TAGS.tobytes(), xmp=b"<x/>"
    )
    assert inspect(data) == ImageInfo("WEBP", 48, 64)
    damage = data.replace(b"profile!", b"\xff" * 8).replace(b"EXIF", b"EXIX")
    np.testing.assert_array_equal(full_pixels(damage), full_pixels(plain))
    np.testing.assert_array_equal(full_pixels(damage[:-3]), full_pixels(plain))
    np.testing.assert_array_equal(full_pixels(damage + b"trailer"), full_pixels(plain))
    np.testing.assert_array_equal(full_pixels(b"RIFF\1\0\0\0" + damage[8:]), full_pixels(plain))


def test_only_the_first_frame_of_an_animated_webp_must_be_complete():
    frames = [translucent(), photo(64, 48, seed=1)]
    whole = encode(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    np.testing.assert_allclose(full_pixels(whole), full_pixels(encode(frames[0], "PNG")), atol=1)
    np.testing.assert_array_equal(full_pixels(whole[:-20]), full_pixels(whole))
    with pytest.raises(CorruptImage, match="missing"):
        decode(whole[:300], square())


def test_the_outside_of_a_partial_webp_frame_is_white():
    small = encode(photo(30, 20), "WEBP", lossless=True)
    header = (20 // 2).to_bytes(3, "little") + (10 // 2).to_bytes(3, "little")
    body = header + (29).to_bytes(3, "little") + (19).to_bytes(3, "little") + bytes(4) + small[12:]
    canvas = b"VP8X\x0a\0\0\0\x02\0\0\0" + (63).to_bytes(3, "little") + (47).to_bytes(3, "little")
    chunks = b"WEBP" + canvas + b"ANIM\6\0\0\0" + bytes(6) + b"ANMF" + len(body).to_bytes(4, "little") + body
    pixels = full_pixels(b"RIFF" + len(chunks).to_bytes(4, "little") + chunks)
    expected = np.full((48, 64, 3), 255)
    expected[10:30, 20:50] = np.asarray(photo(30, 20))
    np.testing.assert_array_equal(pixels, expected)


@pytest.mark.parametrize("lossless", [True, False])
def test_the_size_of_a_webp_is_known_before_it_is_decoded(lossless: bool, monkeypatch: pytest.MonkeyPatch):
    data = bytearray(encode(photo(64, 48), "WEBP", lossless=lossless))
    data[21:25] = b"\xff\xff\xff\x0f" if lossless else data[21:25]
    data[26:30] = b"\xff\x3f\xff\x3f" if not lossless else data[26:30]
    monkeypatch.setattr("PIL.WebPImagePlugin.WebPImageFile._open", lambda _: pytest.fail("opened"))
    with pytest.raises(TooManyPixels):
        decode(bytes(data), square())


def test_cut_webps_are_corrupt():
    for picture, options in ((photo(64, 48), {}), (photo(64, 48), {"lossless": True}), (translucent(), {})):
        whole = encode(picture, "WEBP", **options)
        for size in (13, 20, 25, len(whole) // 2, len(whole) - 3):
            with pytest.raises(CorruptImage):
                decode(whole[:size], square())


# --- AVIF


@pytest.mark.parametrize("major", [b"heic", b"miaf", b"mif1", b"avio", b"MA1B", b"xxxx"])
def test_an_avif_may_have_any_major_brand(major: bytes):
    data = encode(photo(64, 48), "AVIF")
    other = data[:8] + major + data[12:]
    assert decode(other, square())[0] == ImageInfo("AVIF", 64, 48)
    np.testing.assert_array_equal(full_pixels(other), full_pixels(data))


@pytest.mark.parametrize("damage", [b"\xff" * 10, b"\0" * 10, b"\xff\xff\xff\xffII*\0\0\0"])
def test_exif_of_an_avif_may_be_damaged(damage: bytes):
    tags = Image.Exif()
    tags.update({0x0112: 6, 0x010E: "description"})
    data = encode(photo(64, 48), "AVIF", exif=tags.tobytes())
    at = data.index(b"MM\0*")
    broken = data[:at] + damage + data[at + len(damage) :]
    assert inspect(broken) == inspect(data) == ImageInfo("AVIF", 48, 64), "the container has the rotation"
    np.testing.assert_array_equal(full_pixels(broken), full_pixels(data))


def test_only_the_container_rotates_an_avif():
    assert inspect(encode(photo(64, 48), "AVIF", xmp=b'<x tiff:Orientation="6"/>')) == ImageInfo("AVIF", 64, 48)


def test_another_codec_in_an_avif_container_is_rejected_by_name():
    data = encode(photo(64, 48), "AVIF").replace(b"av01", b"hvc1")
    with pytest.raises(UnsupportedImage, match="HEIC"):
        decode(data, square())


@pytest.mark.parametrize("subsampling", ["4:0:0", "4:2:0", "4:2:2", "4:4:4"])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_avif_layouts_are_decoded(mode: str, subsampling: str):
    picture = translucent().convert(mode)
    data = encode(picture, "AVIF", quality=95, subsampling=subsampling, speed=9)
    expected = full_pixels(encode(picture.convert("LA") if subsampling == "4:0:0" else picture, "PNG"))
    assert np.abs(full_pixels(data) - expected).mean() < 8


def test_pictures_of_pillow_are_the_same_as_pillow_decodes_them():
    for file_format in ("WEBP", "AVIF", "GIF"):
        data = encode(photo(64, 48), file_format)
        np.testing.assert_array_equal(full_pixels(data), np.asarray(Image.open(BytesIO(data)).convert("RGB")))
