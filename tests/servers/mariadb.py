"""A private MariaDB."""

import itertools
import subprocess
from pathlib import Path

import pymysql

from tests.servers.process import ServerProcess, require

USER, PASSWORD = "raylens", "a-secret"


class MariaDB(ServerProcess):
    """Debian's MariaDB with its durable defaults, on an empty data folder."""

    def __init__(self, folder: Path) -> None:
        self._program = require("mariadbd", "mariadb-server")
        super().__init__(folder)
        self._numbers = itertools.count(1)
        self._data = folder / "data"
        self._tmp = folder / "tmp"
        self._tmp.mkdir()
        subprocess.run(
            [
                require("mariadb-install-db", "mariadb-server"),
                "--no-defaults",
                f"--datadir={self._data}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
            ],
            check=True,
            capture_output=True,
        )
        # Run at every start, before the port opens.
        (folder / "init.sql").write_text(
            f"CREATE USER IF NOT EXISTS {USER}@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';\n"
            f"GRANT ALL ON *.* TO {USER}@'127.0.0.1';\n"
        )

    def command(self) -> list[str]:
        return [
            self._program,
            "--no-defaults",
            "--user=root",
            f"--datadir={self._data}",
            f"--tmpdir={self._tmp}",  # a server that starts clears it, also of the tables of others
            f"--socket={self._data / 'server.sock'}",
            f"--pid-file={self._data / 'server.pid'}",
            "--bind-address=127.0.0.1",
            f"--port={self.port}",
            f"--init-file={self.folder / 'init.sql'}",
            "--skip-name-resolve",
            "--innodb-buffer-pool-size=64M",
        ]

    def answers(self) -> bool:
        try:
            self._execute("SELECT 1")
        except pymysql.Error:
            return False
        return True

    def fresh_database(self) -> str:
        """Make an empty database; its SQLAlchemy URL."""
        name = f"test_{next(self._numbers)}"
        self._execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        return f"mysql+pymysql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{name}"

    def _execute(self, statement: str) -> None:
        with (
            pymysql.connect(
                host="127.0.0.1", port=self.port, user=USER, password=PASSWORD, connect_timeout=2, read_timeout=10
            ) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
