"""When requests arrive in an open loop: as people send them, whether or not the answers before have come."""

import random


def poisson(rate: float, seconds: float, seed: int) -> list[float]:
    """Moments of a Poisson process within ``seconds``, ascending; the same ones for the same seed.

    ``rate``: requests a second in the mean; above 0.
    """
    if rate <= 0:
        raise ValueError("The rate must be above 0.")
    chance = random.Random(seed)
    moments: list[float] = []
    at = chance.expovariate(rate)
    while at < seconds:
        moments.append(at)
        at += chance.expovariate(rate)
    return moments
