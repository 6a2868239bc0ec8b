"""Which Pythons and machines Raylens can be installed on, and the one line that others get."""

import os
import platform
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from requirements import supported
from tests.source_files import ROOT

FIND = ROOT / "requirements" / "find-python"


def test_this_python_and_machine_are_supported() -> None:
    assert supported.obstacle() == ""


def test_all_files_name_the_same_versions() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    versions = [f"{major}.{minor}" for major, minor in supported.VERSIONS]
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    named = [name.rpartition(" ")[2] for name in project["classifiers"] if "Python :: 3." in name]
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"] == versions
    assert named == versions
    assert project["requires-python"] == f">={versions[0]},<3.{supported.VERSIONS[-1][1] + 1}"


def test_raylens_serves_with_the_versions_that_are_tested() -> None:
    served, tested = ((ROOT / "requirements" / name).read_text().splitlines() for name in ("run.txt", "dev.txt"))
    assert {line for line in served if "==" in line} - set(tested) == set()


@pytest.mark.parametrize(
    ("system", "machine", "glibc", "expected"),
    [
        ("Linux", "x86_64", "glibc 2.28", ""),
        ("Linux", "aarch64", "glibc 2.35", ""),
        ("Linux", "x86_64", "glibc 2.27", "glibc 2.28 or later on x86_64; this system has 2.27"),
        ("Linux", "aarch64", "glibc 2.34", "glibc 2.35 or later on aarch64"),
        ("Linux", "x86_64", None, "Alpine"),
        ("Linux", "armv7l", "glibc 2.36", "no packages for armv7l"),
        ("Darwin", "arm64", None, ""),
        ("Darwin", "x86_64", None, "no packages for Intel"),
        ("Windows", "AMD64", None, "Windows Subsystem for Linux"),
    ],
)
def test_a_machine(
    system: str, machine: str, glibc: str | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def confstr(_: str) -> str:
        if glibc is None:
            raise ValueError("unrecognized configuration name")  # as on Alpine
        return glibc

    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(platform, "mac_ver", lambda: ("13.5", ("", "", ""), machine))
    monkeypatch.setattr(os, "confstr", confstr)
    check_reason(supported.obstacle(), expected)


@pytest.mark.parametrize(
    ("module", "name", "value", "expected"),
    [
        (sys, "version_info", (3, 14, 0), "Raylens needs Python 3.11, 3.12 or 3.13"),
        (sys, "version_info", (3, 10, 13), "Raylens needs Python 3.11, 3.12 or 3.13"),
        (sys, "maxsize", 2**31 - 1, "is 32-bit"),
        (sysconfig, "get_config_var", lambda _: 1, "is free-threaded"),
        (supported, "_is_importable", lambda name: name != "sqlite3", "was compiled without sqlite3"),
        (supported, "find_spec", lambda name: name != "ensurepip", "apt-get install python"),
    ],
)
def test_a_python(module: Any, name: str, value: Any, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(module, name, value)
        reason = supported.obstacle()
    check_reason(reason, expected)


def test_the_first_python_that_is_supported_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    program(folder / "python3.11", "echo 'pyenv: python3.11: command not found'; exit 127")
    program(folder / "python3.12", f"echo 'Raylens needs …'; exit {supported.UNSUPPORTED}")
    program(folder / "python3.13", "exit 0")
    program(folder / "python3", "exit 0")
    assert find(folder).stdout == f"{folder / 'python3.13'}\n"


def test_why_no_python_is_supported_is_one_line(tmp_path: Path) -> None:
    program(tmp_path / "python3.11", "echo 'pyenv: python3.11: command not found'; exit 127")
    assert find(tmp_path).stderr.startswith("Raylens needs Python 3.11, 3.12 or 3.13: install one")
    program(tmp_path / "python3", f"echo 'Raylens needs …; python3 is 3.14.0'; exit {supported.UNSUPPORTED}")
    assert find(tmp_path).stderr == "Raylens needs …; python3 is 3.14.0\n"
    assert find(tmp_path, "nothing").stderr.startswith("nothing does not run")


def test_a_python_can_be_named(tmp_path: Path) -> None:
    program(tmp_path / "my python", "exit 0")
    assert find(tmp_path, str(tmp_path / "my python")).stdout == f"{tmp_path / 'my python'}\n"


def check_reason(reason: str, expected: str) -> None:
    assert expected in reason
    assert bool(expected) == bool(reason)
    assert "\n" not in reason


def program(path: Path, script: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def find(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Only the Pythons in ``folder`` are on PATH."""
    tools = folder / "tools"
    tools.mkdir(exist_ok=True)
    if not (tools / "dirname").exists():
        (tools / "dirname").symlink_to("/usr/bin/dirname")
    environment = {"PATH": f"{folder}:{tools}"}
    return subprocess.run([FIND, *arguments], env=environment, capture_output=True, text=True, check=False)
