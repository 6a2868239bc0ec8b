"""Runs a command on a pseudo-terminal."""

import os
import pty
import select
import subprocess
import sys
import time


class Terminal:
    """``raylens`` with arguments. ``type`` enters a line; ``screen`` is the output so far."""

    def __init__(self, *arguments: str) -> None:
        self._user_side, program = pty.openpty()
        command = [sys.executable, "-m", "serve_app.cli.main", *arguments]
        self._process = subprocess.Popen(
            command, stdin=program, stdout=program, stderr=program, start_new_session=True, env=os.environ
        )
        os.close(program)
        self.screen = ""

    def wait_for(self, text: str, timeout_s: float = 30.0) -> None:
        """Wait until the text appears."""
        deadline = time.monotonic() + timeout_s
        while text not in self.screen:
            assert time.monotonic() < deadline, self.screen
            assert self._read(), self.screen

    def type(self, line: str) -> None:
        os.write(self._user_side, f"{line}\n".encode())

    def end(self) -> int:
        """Wait for the end and return the exit status."""
        while self._read():
            pass
        os.close(self._user_side)
        return self._process.wait(30)

    def _read(self) -> bool:
        """False at the end."""
        if not select.select([self._user_side], [], [], 30)[0]:
            raise TimeoutError(self.screen)
        try:
            data = os.read(self._user_side, 65_536)
        except OSError:  # the other end is closed
            return False
        self.screen += data.decode()
        return bool(data)
