"""A process that records until it is killed: ``python -m tests.statistics.recording URL SPOOL FIRST STEP``.

Prints the first number of each batch of 8 once ``record`` has returned.
"""

import itertools
import sys
from pathlib import Path

from serve_app.database.engine import connect
from serve_app.statistics.durable_recorder import DurableRecorder
from tests.statistics.examples import examples

if __name__ == "__main__":
    url, spool, first, step = sys.argv[1:]
    recorder = DurableRecorder(connect(url), Path(spool))
    for number in itertools.count(int(first), int(step)):
        recorder.record(examples(*range(number, number + 8)))
        print(number, flush=True)
