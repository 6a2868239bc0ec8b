"""All errors that Raylens responds with.

The tree::

    RaylensError
    ├── InvalidRequest (400)      ImageMissing, AmbiguousInput, MalformedBody
    ├── NotFound (404)            UnknownModel, UnknownClassification
    ├── UploadTimeout (408)
    ├── TooLarge (413)            ImageTooLarge, TooManyPixels, ImageTooComplex, TooManyImages,
    │                             BodyTooComplex
    ├── UriTooLong (414)
    ├── UnsupportedImage (415)
    ├── UnsupportedEncoding (415)
    ├── UnknownHost (421)
    ├── Unprocessable (422)       CorruptImage, BadUrl, ForbiddenAddress, FetchFailed, InvalidParameter
    ├── RateLimited (429)
    ├── HeadersTooLarge (431)
    ├── Unavailable (503)         Overloaded, NotReady, StorageUnavailable
    ├── DeadlineExceeded (504)
    └── InternalError (500)       a defect in Raylens, never caused by input

Errors are passed between processes, so they must pickle: status, code and title are class attributes; the arguments are
the message for the user and optionally ``retry_after`` (seconds). ``serve_app.ingress.problems`` alone turns them into
HTTP.
"""

from collections.abc import Iterator
from typing import ClassVar, Self


class RaylensError(Exception):
    """Base of all errors. ``str(error)`` says what is wrong and what to do."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Internal error"
    retry_after: float | None = None

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        if retry_after is not None:
            self.retry_after = retry_after

    def detached(self) -> Self:
        """This error as a result: without the frames that it passed.

        Their variables, such as the bytes of an image, would live until the garbage collector runs: a frame that holds
        an error which holds the frame is a cycle.
        """
        self.__traceback__ = self.__context__ = None
        return self

    def __reduce__(self) -> tuple[type["RaylensError"], tuple[str, float | None]]:
        return type(self), (self.message, self.retry_after)


class InvalidRequest(RaylensError):
    status = 400
    code = "invalid_request"
    title = "Invalid request"


class ImageMissing(InvalidRequest):
    code = "image_missing"
    title = "Nothing to classify"


class AmbiguousInput(InvalidRequest):
    code = "ambiguous_input"
    title = "More than one input"


class MalformedBody(InvalidRequest):
    code = "malformed_body"
    title = "The body cannot be read"


class NotFound(RaylensError):
    status = 404
    code = "not_found"
    title = "Not found"


class UnknownModel(NotFound):
    code = "unknown_model"
    title = "Unknown model"


class UnknownClassification(NotFound):
    code = "unknown_classification"
    title = "Unknown classification"


class UploadTimeout(RaylensError):
    status = 408
    code = "upload_timeout"
    title = "Upload too slow"


class TooLarge(RaylensError):
    status = 413
    code = "too_large"
    title = "Too large"


class ImageTooLarge(TooLarge):
    code = "image_too_large"
    title = "Image too large"


class TooManyPixels(TooLarge):
    code = "too_many_pixels"
    title = "Too many pixels"


class ImageTooComplex(TooLarge):
    """Decoding would take too long for the size of the image."""

    code = "image_too_complex"
    title = "Image too complex"


class TooManyImages(TooLarge):
    code = "too_many_images"
    title = "Too many images"


class BodyTooComplex(TooLarge):
    code = "body_too_complex"
    title = "Body too complex"


class UriTooLong(RaylensError):
    status = 414
    code = "uri_too_long"
    title = "URI too long"


class UnsupportedImage(RaylensError):
    status = 415
    code = "unsupported_image"
    title = "Unsupported image"


class UnsupportedEncoding(RaylensError):
    """The body is compressed. Servers accept that seldom, and a small body could expand to a huge one."""

    status = 415
    code = "unsupported_encoding"
    title = "Unsupported encoding"


class UnknownHost(RaylensError):
    status = 421
    code = "unknown_host"
    title = "Unknown host"


class Unprocessable(RaylensError):
    status = 422
    code = "unprocessable"
    title = "Cannot be processed"


class CorruptImage(Unprocessable):
    code = "corrupt_image"
    title = "Corrupt image"


class BadUrl(Unprocessable):
    code = "bad_url"
    title = "Bad URL"


class ForbiddenAddress(Unprocessable):
    code = "forbidden_address"
    title = "Forbidden address"


class FetchFailed(Unprocessable):
    code = "fetch_failed"
    title = "Image could not be fetched"


class InvalidParameter(Unprocessable):
    code = "invalid_parameter"
    title = "Invalid parameter"


class RateLimited(RaylensError):
    status = 429
    code = "rate_limited"
    title = "Too many requests"
    retry_after = 1.0


class HeadersTooLarge(RaylensError):
    status = 431
    code = "headers_too_large"
    title = "Headers too large"


class Unavailable(RaylensError):
    status = 503
    code = "unavailable"
    title = "Unavailable"
    retry_after = 1.0


class Overloaded(Unavailable):
    code = "overloaded"
    title = "Overloaded"


class NotReady(Unavailable):
    code = "not_ready"
    title = "Not ready"


class StorageUnavailable(Unavailable):
    """Neither the database nor the spool can store a record, so the image is not answered."""

    code = "storage_unavailable"
    title = "Results cannot be stored"
    retry_after = 5.0


class DeadlineExceeded(RaylensError):
    status = 504
    code = "deadline_exceeded"
    title = "Deadline exceeded"


class InternalError(RaylensError):
    """A defect in Raylens. The cause is logged, but not sent to the client."""


def error_of(code: str, message: str) -> RaylensError:
    """The error with a code, as other processes report it; InternalError if there is none."""
    return next((kind(message) for kind in _kinds(RaylensError) if kind.code == code), InternalError(message))


def _kinds(base: type[RaylensError]) -> Iterator[type[RaylensError]]:
    for kind in base.__subclasses__():
        yield kind
        yield from _kinds(kind)
