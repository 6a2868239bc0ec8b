"""Attacks a service on this machine: ``python -m tests.chaos.attacks PORT NAME…``.

Each attack comes from an address of its own. Prints ``started``, and when it is stopped by SIGTERM, what the attacks
have counted as JSON.
"""

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from tests.chaos.attacks import bodies
from tests.chaos.attacks.connections import AttackCounts, Target, idle_connections, slow_headers, unfinished_headers
from tests.chaos.attacks.decodes import expensive_images, slow_decodes
from tests.chaos.attacks.image_servers import classify_from_hostile_servers
from tests.chaos.attacks.logins import wrong_logins

OWNER: Final = "owner"
"""The account at which logins are aimed."""
_HOST: Final = "127.0.0.1"

Attack = Callable[[int, str], Awaitable[Counter[int] | AttackCounts]]
"""Attacks the port from the local address until it is cancelled."""

ATTACKS: Final[Mapping[str, Attack]] = {
    "stalled uploads": lambda port, source: bodies.stalled_uploads(_HOST, port, connections=5, source=source),
    "dripping uploads": lambda port, source: bodies.dripping_uploads(_HOST, port, connections=50, source=source),
    "amplified JSON": lambda port, source: bodies.json_amplification(_HOST, port, connections=4, source=source),
    "endless multipart": lambda port, source: bodies.endless_multipart(_HOST, port, connections=2, source=source),
    "unwanted bodies": lambda port, source: bodies.unwanted_bodies(_HOST, port, connections=2, source=source),
    "unfinished headers": lambda port, source: unfinished_headers(Target(_HOST, port, source), 1000),
    "slow headers": lambda port, source: slow_headers(Target(_HOST, port, source), 100),
    "idle connections": lambda port, source: idle_connections(Target(_HOST, port, source), 500),
    "slow decodes": lambda port, source: slow_decodes(Target(_HOST, port, source)),
    "expensive images": lambda port, source: slow_decodes(Target(_HOST, port, source), 16, images=expensive_images),
    "logins of one user": lambda port, source: wrong_logins(_HOST, port, per_second=20, name=OWNER, source=source),
    "logins of any user": lambda port, source: wrong_logins(_HOST, port, per_second=20, source=source),
    "image servers": lambda port, source: classify_from_hostile_servers(Target(_HOST, port, source), 32),
}


async def main(port: int, names: list[str]) -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    expensive_images()  # made once, before the attacks
    tasks = {
        name: asyncio.ensure_future(ATTACKS[name](port, f"127.0.0.{number}"))
        for number, name in enumerate(names or ATTACKS, start=10)
    }
    print("started", flush=True)
    await stopped.wait()
    for task in tasks.values():
        task.cancel()
    print(json.dumps({name: _counted(await task) for name, task in tasks.items()}), flush=True)


def _counted(counts: Counter[int] | AttackCounts) -> dict[int, int] | dict[str, object]:
    if isinstance(counts, Counter):
        return dict(counts)
    return {"statuses": dict(counts.statuses), "open": counts.most_open, "closed": counts.closed}


if __name__ == "__main__":
    os.nice(19)  # on another machine, the attackers would not compete with the service for processors
    asyncio.run(main(int(sys.argv[1]), sys.argv[2:]))
