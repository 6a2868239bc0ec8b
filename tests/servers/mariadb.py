"""A private MariaDB server."""

import itertools
import subprocess
from pathlib import Path

import pymysql

from tests.servers.process import ServerProcess, require

USER, PASSWORD = "raylens", "a-secret"

SOCKET = "server.sock"
"""In the server's data folder; relative, because the length of a socket's path is limited to 107 bytes."""


class MariaDB(ServerProcess):
    """Debian's MariaDB with its durable defaults, newly installed or on a copy of another server's data folder."""

    def __init__(self, folder: Path, template: Path | None = None) -> None:
        """``template``: the folder of a server that was stopped."""
        self._program = require("mariadbd", "mariadb-server")
        super().__init__(folder)
        self._numbers = itertools.count(1)
        self._data = folder / "data"
        self._tmp = folder / "tmp"
        self._tmp.mkdir()
        command = _install(self._data) if template is None else ["cp", "-a", str(template / "data"), str(self._data)]
        subprocess.run(command, check=True, capture_output=True)
        # Executed at every start, before the port opens.
        (folder / "init.sql").write_text(
            f"CREATE USER IF NOT EXISTS {USER}@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';\n"
            f"GRANT ALL ON *.* TO {USER}@'127.0.0.1' WITH GRANT OPTION;\n"
        )

    def command(self) -> list[str]:
        return [
            self._program,
            "--no-defaults",
            "--user=root",
            f"--datadir={self._data}",
            f"--tmpdir={self._tmp}",  # not shared: a starting server deletes the temporary tables in it
            f"--socket={SOCKET}",
            f"--pid-file={self._data / 'server.pid'}",
            "--bind-address=127.0.0.1",
            f"--port={self.port}",
            f"--init-file={self.folder / 'init.sql'}",
            "--skip-name-resolve",
            "--innodb-buffer-pool-size=64M",
        ]

    @property
    def socket(self) -> Path:
        """Its Unix socket."""
        return self._data / SOCKET

    def answers(self) -> bool:
        try:
            self._execute("SELECT 1")
        except pymysql.Error:
            return False
        return True

    def unused_name(self) -> str:
        """A name for a database, different at each call."""
        return f"test_{next(self._numbers)}"

    def create_database(self, name: str) -> str:
        """Create an empty database and return its SQLAlchemy URL."""
        self._execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        return self.url_of(name)

    def fresh_database(self) -> str:
        """Create an empty database with an unused name and return its SQLAlchemy URL."""
        return self.create_database(self.unused_name())

    def url_of(self, database: str) -> str:
        """The SQLAlchemy URL of a database."""
        return f"mysql+pymysql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def _execute(self, statement: str) -> None:
        with (
            pymysql.connect(
                host="127.0.0.1", port=self.port, user=USER, password=PASSWORD, connect_timeout=2, read_timeout=10
            ) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)


def _install(data: Path) -> list[str]:
    return [
        require("mariadb-install-db", "mariadb-server"),
        "--no-defaults",
        f"--datadir={data}",
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
    ]
