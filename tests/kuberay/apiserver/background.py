"""Controllers that run beside the tests."""

import threading
from collections.abc import Callable

from tests.kuberay.apiserver.store import Store


class Background:
    """Steps whenever something has changed, and now and then where time alone changes things."""

    def __init__(self, store: Store, closing: threading.Event, period_s: float = 0.1) -> None:
        self.steps: list[Callable[[], None]] = []
        self.fault: Exception | None = None
        """What a controller broke on; it stands still then."""
        self._store = store
        self._closing = closing
        self._period_s = period_s

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while not self._closing.is_set() and not self.fault:
            before = self._store.revision
            try:
                for step in list(self.steps):
                    step()
            except Exception as fault:
                self.fault = fault
            if self._store.revision == before:
                self._store.wait_for(lambda: self._store.revision != before, self._period_s)  # noqa: B023 - asked at once
            else:
                self._closing.wait(0.002)
