"""The Preprocessor stage: encoded images to one uint8 tensor. A bad image never fails the rest of its batch."""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from queue import LifoQueue
from typing import Final

import numpy as np

from models.arrays import UInt8Array
from models.spec import Transform
from serve_app.errors import DeadlineExceeded, InternalError, RaylensError, UnknownModel
from serve_app.images.cost import cost_of
from serve_app.images.decoding import decode
from serve_app.images.decoding_process import DecodingProcess, Stop
from serve_app.images.formats import ALLOWED
from serve_app.images.sample import sample
from serve_app.observability import tracing
from serve_app.observability.log_context import bound_log_context
from serve_app.request_context import EMPTY, BatchContext
from serve_app.types import ImageInfo, Preprocessed

logger = logging.getLogger(__name__)

_MAX_ORDINARY_BYTES: Final = 256 << 20
"""Memory to decode an image that is ordinary by its header. It takes 160 MiB at most, unless the header is wrong."""


class Preprocessor:
    """Decodes and resizes images in threads; Pillow releases the interpreter lock meanwhile.

    Expensive images are decoded in processes of a low priority instead, so that ordinary ones always find a thread.
    """

    def __init__(
        self,
        transforms: Mapping[str, Transform],
        threads: int,
        *,
        processes: int = 0,
        expensive_cost: float = math.inf,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``transforms``: by model name. ``threads``: images decoded concurrently. ``clock``: Unix seconds.

        ``processes``: images decoded concurrently of those that cost more than ``expensive_cost``.
        """
        self._transforms = transforms
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="decode")
        self._expensive_cost = expensive_cost
        self._processes = LifoQueue[DecodingProcess]()  # so that no more start than are needed
        for _ in range(processes):
            self._processes.put(DecodingProcess())
        self._process_pool = ThreadPoolExecutor(max(processes, 1), thread_name_prefix="decode-process")
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

        expensive, stop = [cost_of(image) > self._expensive_cost for image in images], Stop()
        is_limited = math.isfinite(self._expensive_cost)
        decode_ordinary = partial(decode, most_bytes=_MAX_ORDINARY_BYTES) if is_limited else decode
        pools = (self._pool, self._process_pool)

        def outcome_of(index: int) -> ImageInfo | RaylensError:
            with bound_log_context(context.request(index)), stage.image(index, "decode") as span:
                row, image, left_s = rows[index], images[index], deadlines[index] - self._clock()
                decode_image = partial(self._decode_in_process, left_s, stop) if expensive[index] else decode_ordinary
                outcome = self._decode_into(row, image, left_s, lambda: decode_image(image, transform))
                if isinstance(outcome, RaylensError):
                    span.fail(outcome.code)
                return outcome

        with bound_log_context(context), tracing.stage(context, "preprocess") as stage:
            try:
                outcomes = await asyncio.gather(
                    *(
                        loop.run_in_executor(pools[is_expensive], outcome_of, i)
                        for i, is_expensive in enumerate(expensive)
                    )
                )
            except asyncio.CancelledError:  # no client waits any more
                stop.set()
                raise
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

    def close(self) -> None:
        """End the processes; the images that they decode fail."""
        self._process_pool.shutdown(cancel_futures=True)
        while not self._processes.empty():
            self._processes.get().close()

    def _decode_into(
        self, row: UInt8Array, image: bytes, left_s: float, decode_image: Callable[[], tuple[ImageInfo, UInt8Array]]
    ) -> ImageInfo | RaylensError:
        """Decode one image into its row of the tensor, uint8 (H, W, C)."""
        if left_s < 0:
            return DeadlineExceeded("The deadline passed before the image was decoded; allow more time.")
        try:
            info, row[:] = decode_image()
        except RaylensError as error:
            return error.detached()
        except Exception:
            logger.exception("Failed to decode an image of %d bytes", len(image))
            return InternalError("The image could not be decoded because of a defect in Raylens.")
        return info

    def _decode_in_process(
        self, left_s: float, stop: Stop, image: bytes, transform: Transform
    ) -> tuple[ImageInfo, UInt8Array]:
        process = self._processes.get()
        try:
            return process.decode(image, transform, left_s, stop)
        finally:
            self._processes.put(process)
