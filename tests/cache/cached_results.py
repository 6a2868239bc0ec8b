"""Sample results for the tests of the caches."""

import numpy as np

from serve_app.types import CachedResult, ImageInfo


def result(seed: int = 0, classes: int = 1000) -> CachedResult:
    probabilities = np.sort(np.random.default_rng(seed).random(classes).astype(np.float32))[::-1]
    indices = np.random.default_rng(seed).permutation(classes).astype(np.uint16)
    info = ImageInfo("JPEG", 500 + seed, 375)
    return CachedResult(info, indices, probabilities, "1", "openvino", "bf16")


def same(left: CachedResult | None, right: CachedResult) -> bool:
    """Whether all fields are equal, including the arrays."""
    return left is not None and plain(left) == plain(right)


def plain(result: CachedResult) -> tuple[object, ...]:
    return (
        result.info,
        (result.indices.dtype, result.indices.tobytes()),
        (result.probabilities.dtype, result.probabilities.tobytes()),
        (result.model_version, result.runtime, result.precision),
    )
