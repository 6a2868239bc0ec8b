"""The signals that stop `raylens serve`, in processes of their own."""

import signal
import subprocess
import sys

import pytest

from tests.servers.process import default_hang_up

CODE = """
import sys, time
from serve_app.cli.stop_signals import StopSignals
signals = StopSignals()
signals.interrupting = sys.argv[1] == "interrupting"
try:
    print("ready", flush=True)
    while not signals.stopping():
        time.sleep(0.01)
    print("stopping", signals.impatient(), flush=True)
    sys.stdin.readline()
    print(signals.impatient())
except KeyboardInterrupt:
    print("interrupted")
"""


def running(mode: str, prefix: str = "") -> "subprocess.Popen[str]":
    command = ["sh", "-c", f'{prefix} exec "$@"', "sh", sys.executable, "-c", CODE, mode]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=default_hang_up,  # noqa: PLW1509 – only resets a signal
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_asks_to_stop_and_the_second_to_hurry(number: signal.Signals) -> None:
    process = running("waiting")
    assert process.stdout
    process.send_signal(number)
    assert process.stdout.readline() == "stopping False\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate("\n")[0] == "True\n"


def test_work_that_cannot_look_is_interrupted() -> None:
    process = running("interrupting")
    process.send_signal(signal.SIGTERM)
    assert process.communicate()[0] == "interrupted\n"


def test_nohup_is_respected() -> None:
    process = running("waiting", "trap '' HUP;")
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    assert process.communicate("\n")[0] == "stopping False\nFalse\n"
