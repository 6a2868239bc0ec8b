"""Arrival times of open-loop requests."""

import random


def poisson(rate: float, seconds: float, seed: int) -> list[float]:
    """Arrival times of a Poisson process within ``seconds``, ascending and determined by ``seed``.

    ``rate``: mean requests per second, above 0.
    """
    if rate <= 0:
        raise ValueError("The rate must be above 0.")
    rng = random.Random(seed)
    moments: list[float] = []
    at = rng.expovariate(rate)
    while at < seconds:
        moments.append(at)
        at += rng.expovariate(rate)
    return moments
