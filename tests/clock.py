"""Time that stands still until a test moves it."""

START = 1_800_000_000.0


class MovableClock:
    """Unix seconds. Also good as a monotonic clock."""

    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += seconds
