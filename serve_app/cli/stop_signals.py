"""The signals that stop ``raylens serve``."""

import os
import signal
from types import FrameType


class StopSignals:
    """SIGINT, SIGTERM and, unless it is ignored as by nohup, SIGHUP: the first asks to stop, the second to hurry."""

    def __init__(self) -> None:
        self._received = 0
        self.interrupting = True
        """Whether a signal interrupts the work in progress with KeyboardInterrupt."""
        signal.signal(signal.SIGINT, self._receive)
        signal.signal(signal.SIGTERM, self._receive)
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._hang_up)

    def stopping(self) -> bool:
        return self._received > 0

    def impatient(self) -> bool:
        return self._received > 1

    def _receive(self, _number: int, _frame: FrameType | None) -> None:
        self._received += 1
        if self.interrupting:
            raise KeyboardInterrupt

    def _hang_up(self, number: int, frame: FrameType | None) -> None:
        """The terminal is gone. Anything that is written to it would be an error."""
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            if os.isatty(descriptor):
                os.dup2(nowhere, descriptor)
        os.close(nowhere)
        self._receive(number, frame)
