"""A sample image in any allowed format, for checking the codecs."""

from io import BytesIO

from PIL import Image

from serve_app.images.formats import ImageFormat


def sample(file_format: ImageFormat) -> bytes:
    """An encoded colour gradient of 64 × 48 pixels."""
    grey = Image.linear_gradient("L").resize((64, 48))
    picture = Image.merge("RGB", (grey, grey.transpose(Image.Transpose.FLIP_TOP_BOTTOM), grey))
    file = BytesIO()
    picture.save(file, file_format)
    return file.getvalue()
