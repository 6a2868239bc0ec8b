"""A private Redis server."""

from pathlib import Path

import redis

from tests.servers.process import ServerProcess, require


class Redis(ServerProcess):
    """Debian's Redis with an append-only file, so that its data survives a restart."""

    def __init__(self, folder: Path) -> None:
        self._program = require("redis-server", "redis-server")
        super().__init__(folder)

    def command(self) -> list[str]:
        return [
            self._program,
            *("--bind", "127.0.0.1"),
            *("--port", str(self.port)),
            *("--dir", str(self.folder)),
            *("--appendonly", "yes"),
            *("--save", ""),
        ]

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=0.5) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def clear(self) -> None:
        with redis.Redis.from_url(self.url) as client:
            client.flushall()
