"""A command on a terminal of its own, as a person has it."""

import os
import pty
import select
import subprocess
import sys
import time


class Terminal:
    """``raylens`` with arguments. ``type`` is what the person does, ``screen`` what they see."""

    def __init__(self, *arguments: str) -> None:
        self._person, program = pty.openpty()
        command = [sys.executable, "-m", "serve_app.cli.main", *arguments]
        self._process = subprocess.Popen(
            command, stdin=program, stdout=program, stderr=program, start_new_session=True, env=os.environ
        )
        os.close(program)
        self.screen = ""

    def wait_for(self, text: str, timeout_s: float = 30.0) -> None:
        """Until it is on the screen."""
        give_up_at = time.monotonic() + timeout_s
        while text not in self.screen:
            assert time.monotonic() < give_up_at, self.screen
            assert self._read(), self.screen

    def type(self, line: str) -> None:
        os.write(self._person, f"{line}\n".encode())

    def end(self) -> int:
        """Wait for it; the exit status."""
        while self._read():
            pass
        os.close(self._person)
        return self._process.wait(30)

    def _read(self) -> bool:
        """False at the end."""
        if not select.select([self._person], [], [], 30)[0]:
            raise TimeoutError(self.screen)
        try:
            data = os.read(self._person, 65_536)
        except OSError:  # the other end is closed
            return False
        self.screen += data.decode()
        return bool(data)
