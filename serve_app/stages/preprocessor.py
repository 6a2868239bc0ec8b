"""The Preprocessor stage: encoded images to one uint8 tensor. A bad image never fails the rest of its batch."""

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
from serve_app.types import ImageInfo, Preprocessed

logger = logging.getLogger(__name__)


class Preprocessor:
    """Decodes and resizes images in threads; Pillow releases the interpreter lock meanwhile."""

    def __init__(
        self, transforms: Mapping[str, Transform], threads: int, clock: Callable[[], float] = time.time
    ) -> None:
        """``transforms``: by model name. ``threads``: images decoded concurrently. ``clock``: Unix seconds."""
        self._transforms = transforms
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="decode")
        self._clock = clock

    async def prepare(
        self, model: str, images: Sequence[bytes], deadlines: Sequence[float], context: BatchContext = EMPTY
    ) -> Preprocessed:
        """The images as rows of a tensor in the model's input size; an image that fails yields its error instead.

        ``images``: encoded files (JPEG, PNG, …). ``deadlines``: one per image, Unix seconds. Raises UnknownModel.
        """
        if len(images) != len(deadlines):
            raise ValueError(f"{len(images)} images, {len(deadlines)} deadlines")
        transform = self._transforms.get(model)
        if transform is None:
            raise UnknownModel(f"There is no model “{model}”.")
        started = time.perf_counter()
        rows = np.empty((len(images), *transform.shape), np.uint8)
        loop = asyncio.get_running_loop()

        def outcome_of(index: int) -> ImageInfo | RaylensError:
            with bound_log_context(context.request(index)), stage.image(index, "decode") as span:
                outcome = self._decode_into(rows[index], images[index], deadlines[index], transform)
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
            deadlines=[deadlines[index] for index in good],
            preprocess_ms=(time.perf_counter() - started) * 1000,
        )

    def warm_up(self) -> None:
        """Decode an image of every format for every model. Loads the codecs; raises if one is missing."""
        for transform in self._transforms.values():
            for file_format in ALLOWED:
                decode(sample(file_format), transform)

    def _decode_into(
        self, row: UInt8Array, image: bytes, deadline: float, transform: Transform
    ) -> ImageInfo | RaylensError:
        """Decode one image into its row of the tensor, uint8 (H, W, C)."""
        if self._clock() > deadline:
            return DeadlineExceeded("The deadline passed before the image was decoded; allow more time.")
        try:
            info, row[:] = decode(image, transform)
        except RaylensError as error:
            return error
        except Exception:
            logger.exception("Failed to decode an image of %d bytes", len(image))
            return InternalError("The image could not be decoded because of a defect in Raylens.")
        return info
