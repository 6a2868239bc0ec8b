"""A private Prometheus server, and promtool."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.servers.process import ServerProcess, require

PACKAGE = "prometheus"


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run promtool."""
    command = [require("promtool", PACKAGE), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


class Prometheus(ServerProcess):
    """Debian's Prometheus with a scrape interval of 3 s. ``targets``: host:port and its labels."""

    def __init__(
        self, folder: Path, targets: Sequence[tuple[str, Mapping[str, str]]], rules: Sequence[Path] = ()
    ) -> None:
        self._program = require("prometheus", PACKAGE)
        super().__init__(folder)
        found = [{"targets": [address], "labels": dict(labels)} for address, labels in targets]
        (folder / "targets.json").write_text(json.dumps(found))
        configuration = {
            "global": {"scrape_interval": "3s", "scrape_timeout": "3s", "evaluation_interval": "1s"},
            "rule_files": [str(path) for path in rules],
            "scrape_configs": [{"job_name": "raylens", "file_sd_configs": [{"files": [str(folder / "targets.json")]}]}],
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))

    def command(self) -> list[str]:
        return [
            self._program,
            f"--config.file={self.folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--log.level=warn",
        ]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/-/ready", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def get(self, path: str, **parameters: str) -> Any:
        """The data of an API path, such as ``rules``."""
        reply = httpx.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=20).json()
        assert reply["status"] == "success", f"{parameters}: {reply.get('error')}"
        return reply["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The current series of an expression, each with ``metric`` (its labels) and ``value``."""
        data = self.get("query", query=expression)
        if data["resultType"] == "scalar":
            return [{"metric": {}, "value": data["result"]}]
        return list(data["result"])
