"""A load generator for machines without wrk, with the same arguments and JSON output as load.lua.

python -m benchmarks.client URL CONNECTIONS SECONDS FOLDER BODIES PATH CONTENT_TYPE TOKEN HEADER
"""

import asyncio
import itertools
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

TIMEOUT_S = 30.0


@dataclass(slots=True)
class Tally:
    """Counts and latencies of the requests so far."""

    latencies_ms: list[float] = field(default_factory=list)
    refused: int = 0
    failed: int = 0

    def line(self, seconds: float) -> str:
        ordered = sorted(self.latencies_ms) or [0.0]
        quantiles = {
            name: round(ordered[min(int(share * len(ordered)), len(ordered) - 1)], 3)
            for name, share in (("median_ms", 0.5), ("p90_ms", 0.9), ("p99_ms", 0.99))
        }
        counts = {"requests": len(self.latencies_ms), "seconds": seconds, "refused": self.refused}
        return json.dumps(counts | {"failed": self.failed} | quantiles)


async def _connection(host: str, port: int, requests: Iterator[bytes], until: float, tally: Tally) -> None:
    """Send one request at a time; reconnect if the connection breaks."""
    while time.perf_counter() < until:
        writer: asyncio.StreamWriter | None = None
        try:
            reader, writer = await asyncio.open_connection(host, port)
            while time.perf_counter() < until:
                sent = time.perf_counter()
                writer.write(next(requests))
                async with asyncio.timeout(TIMEOUT_S):
                    status = await read_status(reader)
                tally.latencies_ms.append((time.perf_counter() - sent) * 1e3)
                tally.refused += status >= 400
        except (OSError, EOFError, TimeoutError, ValueError):
            tally.failed += 1
            await asyncio.sleep(0.01)
        finally:
            if writer:
                writer.close()


async def read_status(reader: asyncio.StreamReader) -> int:
    """Read one response completely and return its status. Raises ValueError if its length is unknown."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    _, found, rest = head.partition(b"\r\ncontent-length:")
    if found:
        await reader.readexactly(int(rest.partition(b"\r\n")[0]))
    elif b"\r\ntransfer-encoding: chunked\r\n" in head:
        while length := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
            await reader.readexactly(length + len(b"\r\n"))
        await reader.readuntil(b"\r\n")
    else:
        raise ValueError("a response without Content-Length or chunked encoding")
    return int(head[9:12])


def address(url: str) -> tuple[str, int]:
    """Host and port."""
    parts = urlsplit(url)
    return parts.hostname or "127.0.0.1", parts.port or 80


def requests_of(host: str, arguments: list[str]) -> list[bytes]:
    """The HTTP requests described by ``Workload.arguments``."""
    folder, count, path, content_type, token, header = arguments
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {content_type}\r\n"
    head += f"Authorization: Bearer {token}\r\n" if token else ""
    head += f"{header}\r\n" if header else ""
    bodies = [Path(folder, str(number)).read_bytes() for number in range(int(count))]
    return [f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body for body in bodies]


async def _run(url: str, connections: int, seconds: float, arguments: list[str]) -> str:
    host, port = address(url)
    requests = itertools.cycle(requests_of(host, arguments))
    tally, started = Tally(), time.perf_counter()
    until = started + seconds
    await asyncio.gather(*(_connection(host, port, requests, until, tally) for _ in range(connections)))
    return tally.line(time.perf_counter() - started)


def main(arguments: list[str]) -> None:
    url, connections, seconds, *workload = arguments
    print(asyncio.run(_run(url, int(connections), float(seconds), workload)))


if __name__ == "__main__":
    main(sys.argv[1:])
