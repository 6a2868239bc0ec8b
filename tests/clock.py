"""A clock that tests advance."""

START = 1_800_000_000.0


class MovableClock:
    """Unix seconds; also usable as a monotonic clock."""

    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += seconds
