"""Decodes each view with each variant and classifies the results."""

import time
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Final

import numpy as np

from benchmarks.preprocessing.results import Tally
from benchmarks.preprocessing.variants import REFERENCE, Decode
from benchmarks.preprocessing.views import View
from models.arrays import Float32Array, UInt8Array
from models.spec import Transform

BATCH: Final = 16
"""Number of views per batch."""

Predict = Callable[[UInt8Array], Float32Array]
"""uint8 (N, size, size, 3) → probabilities (N, C)."""


def measure(
    views: Iterator[View],
    variants: Mapping[str, Decode],
    transform: Transform,
    predict: Predict,
    *,
    repeats: int,
    done: Callable[[int], None],
) -> tuple[dict[str, Tally], float]:
    """Return a tally per variant and the mean file size in bytes. ``done`` is called with the size of each batch."""
    tallies = {name: Tally() for name in variants}
    sizes: list[int] = []
    while batch := list(islice(views, BATCH)):
        sizes += [len(view.data) for view in batch]
        pixels = _decoded(batch, variants, transform, repeats, tallies)
        reference = predict(pixels[REFERENCE])
        for name, tally in tallies.items():
            probabilities = reference if name == REFERENCE else predict(pixels[name])
            for row, expected, view in zip(probabilities, reference, batch, strict=True):
                tally.compare(row, expected, view.label)
        done(len(batch))
    return tallies, sum(sizes) / len(sizes)


def _decoded(
    batch: list[View],
    variants: Mapping[str, Decode],
    transform: Transform,
    repeats: int,
    tallies: dict[str, Tally],
) -> dict[str, UInt8Array]:
    shape = (len(batch), *transform.shape)
    pixels: dict[str, UInt8Array] = {name: np.empty(shape, np.uint8) for name in variants}
    for row, view in enumerate(batch):
        best = _timed(view.data, variants, transform, repeats, {name: rows[row] for name, rows in pixels.items()})
        for name, tally in tallies.items():
            tally.add(best[name], pixels[name][row], pixels[REFERENCE][row])
    return pixels


def _timed(
    data: bytes, variants: Mapping[str, Decode], transform: Transform, repeats: int, rows: Mapping[str, UInt8Array]
) -> dict[str, float]:
    """CPU milliseconds of each variant; unlike wall-clock time they are independent of other programs."""
    best = dict.fromkeys(variants, float("inf"))
    for _ in range(repeats):
        for name, decode in variants.items():
            started = time.thread_time()
            rows[name][:] = decode(data, transform)
            best[name] = min(best[name], 1e3 * (time.thread_time() - started))
    return best
