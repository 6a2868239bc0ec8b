"""Verdicts to put into a cache."""

import numpy as np

from serve_app.types import ImageInfo, Ranking, Verdict


def verdict(seed: int = 0, classes: int = 1000) -> Verdict:
    probabilities = np.sort(np.random.default_rng(seed).random(classes).astype(np.float32))[::-1]
    indices = np.random.default_rng(seed).permutation(classes).astype(np.uint16)
    info = ImageInfo("JPEG", 500 + seed, 375)
    return Verdict(info, Ranking(indices, probabilities), "1", "openvino", "bf16")


def same(left: Verdict | None, right: Verdict) -> bool:
    """Equal in everything, bit by bit: arrays have no ``==`` of their own."""
    return left is not None and plain(left) == plain(right)


def plain(verdict: Verdict) -> tuple[object, ...]:
    ranking = verdict.ranking
    return (
        verdict.info,
        (ranking.indices.dtype, ranking.indices.tobytes()),
        (ranking.probabilities.dtype, ranking.probabilities.tobytes()),
        (verdict.model_version, verdict.runtime, verdict.precision),
    )
