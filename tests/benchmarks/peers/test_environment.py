"""The environments of the other systems, and their pins."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.peers import environment
from benchmarks.peers.catalogue import PEERS
from benchmarks.peers.environment import REQUIREMENTS, NotInstalled, python_of

SHARED = ("cykooz-resizer", "openvino", "pillow", "simplejpeg")
"""Packages that must have the same version in all environments."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(environment, "FOLDER", tmp_path / "peers")
    monkeypatch.setattr(environment, "REQUIREMENTS", tmp_path)
    (tmp_path / "one.txt").write_text("first\n")
    return tmp_path


@pytest.fixture
def commands(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Records the commands; virtual environments are created without pip."""
    ran: list[list[str]] = []

    def run(command: list[str]) -> str:
        ran.append(command)
        if "venv" in command:
            subprocess.run([*command[:3], "--without-pip", command[3]], check=True)
        return ""

    monkeypatch.setattr(environment, "_run", run)
    return ran


def test_an_environment_is_rebuilt_only_if_its_pins_change(folder: Path, commands: list[list[str]]):
    python = python_of("one")
    assert python == folder / "peers" / "one" / "bin" / "python"
    assert [command[2] for command in commands] == ["venv", "pip"]
    assert "--require-hashes" in commands[1]
    python_of("one")
    assert len(commands) == 2
    (folder / "one.txt").write_text("second\n")
    python_of("one")
    assert len(commands) == 4


def test_an_incomplete_environment_is_rebuilt(folder: Path, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch):
    run = environment._run

    def interrupted(command: list[str]) -> str:
        if "pip" in command:
            raise NotInstalled("no such package")
        return run(command)

    monkeypatch.setattr(environment, "_run", interrupted)
    with pytest.raises(NotInstalled):
        python_of("one")
    monkeypatch.setattr(environment, "_run", run)
    python_of("one")
    assert [command[2] for command in commands] == ["venv", "venv", "pip"]


def test_a_missing_older_python_is_reported(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(environment.MAX_PYTHON, "one", (3, 11, -1))
    with pytest.raises(NotInstalled, match=r"needs Python 3\.11"):
        python_of("one")


def test_a_failed_command_reports_its_output():
    with pytest.raises(NotInstalled, match="out of disk"):
        environment._run([sys.executable, "-c", "import sys; sys.exit('out of disk')"])


def _pins(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==([^ ;]+)", path.read_text(), re.MULTILINE))


@pytest.mark.parametrize("name", sorted({peer.environment for peer in PEERS}))
def test_pins(name: str):
    ours, theirs = _pins(REQUIREMENTS.parent / "run.txt"), _pins(REQUIREMENTS / f"{name}.txt")
    assert {package: theirs[package] for package in SHARED} == {package: ours[package] for package in SHARED}
    text = (REQUIREMENTS / f"{name}.txt").read_text()
    assert text.count("--hash=sha256:") > len(theirs)
    assert {peer.distribution for peer in PEERS if peer.environment == name} <= set(theirs)


def test_every_peer_has_a_documented_server():
    for peer in PEERS:
        spec = find_spec(f"benchmarks.peers.servers.{peer.module}")
        assert spec is not None
        assert spec.origin is not None
        assert "https://" in Path(spec.origin).read_text().split('"""')[1], peer.name
