"""First stage: encoded images → one uint8 tensor. One bad image never fails its neighbours."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from models.arrays import UInt8Array
from models.spec import Transform
from serve_app.errors import DeadlineExceeded, InternalError, RaylensError, UnknownModel
from serve_app.images.decoding import decode
from serve_app.images.formats import ALLOWED
from serve_app.images.sample import sample
from serve_app.observability import tracing
from serve_app.observability.log_context import bound_log_context
from serve_app.request_context import EMPTY, BatchContext
from serve_app.types import EncodedImage, ImageInfo, Preprocessed

logger = logging.getLogger(__name__)


class Preprocessor:
    """Decodes and resizes in threads; Pillow lets go of the interpreter lock while it does so."""

    def __init__(
        self, transforms: Mapping[str, Transform], threads: int, clock: Callable[[], float] = time.time
    ) -> None:
        """``transforms``: by the model's name. ``threads``: images decoded at once. ``clock``: Unix seconds."""
        self._transforms = transforms
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="decode")
        self._clock = clock

    async def prepare(self, model: str, images: Sequence[EncodedImage], context: BatchContext = EMPTY) -> Preprocessed:
        """Every image as a row of pixels as ``model`` wants them, or the error that is its answer, in order.

        :raises UnknownModel: there is no such model here.
        """
        transform = self._transforms.get(model)
        if transform is None:
            raise UnknownModel(f"There is no model “{model}”.")
        started = time.perf_counter()
        rows = np.empty((len(images), transform.size, transform.size, 3), np.uint8)
        loop = asyncio.get_running_loop()

        def outcome_of(index: int) -> ImageInfo | RaylensError:
            with bound_log_context(context.origin(index)), stage.image(index, "decode") as span:
                outcome = self._fill(rows[index], images[index], transform)
                if isinstance(outcome, RaylensError):
                    span.fail(outcome.code)
                return outcome

        with bound_log_context(context), tracing.stage(context, "preprocess") as stage:
            outcomes = await asyncio.gather(
                *(loop.run_in_executor(self._pool, outcome_of, index) for index in range(len(images)))
            )
        good = [index for index, outcome in enumerate(outcomes) if isinstance(outcome, ImageInfo)]
        return Preprocessed(
            tensor=rows if len(good) == len(images) else rows[good],
            outcomes=outcomes,
            deadlines=[images[index].deadline for index in good],
            preprocess_ms=(time.perf_counter() - started) * 1000,
        )

    def warm_up(self) -> None:
        """Decode a picture of every format for every model: loads the codecs, and fails where one is missing."""
        for transform in self._transforms.values():
            for file_format in ALLOWED:
                decode(sample(file_format), transform)

    def _fill(self, row: UInt8Array, image: EncodedImage, transform: Transform) -> ImageInfo | RaylensError:
        """Decode one image into its row of the tensor, uint8 (size, size, 3)."""
        if self._clock() > image.deadline:
            return DeadlineExceeded("The time for this image was over before it could be decoded.")
        try:
            info, row[:] = decode(image.data, transform)
        except RaylensError as error:
            return error
        except Exception:
            logger.exception("An image of %d bytes could not be decoded", len(image.data))
            return InternalError("This image could not be decoded because of a defect in Raylens.")
        return info
