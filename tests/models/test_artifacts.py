"""Building, sharing and mending artifacts. The export itself is replaced by one that is quick and leaves a trace."""

import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from models import artifacts
from models.artifacts import content_key, ensure, folder_of, is_intact
from models.errors import ArtifactBuildFailed
from models.spec import ModelSpec, Transform
from models.zoo import resolve

SPEC = resolve("efficientnet-lite0")

BUILDER = """
import sys, time
from pathlib import Path
from models import artifacts
from models.zoo import resolve

folder, seconds = Path(sys.argv[1]), float(sys.argv[2])

def export(spec, draft):
    (draft / "model.xml").write_text("<xml/>")
    print("building", flush=True)
    time.sleep(seconds)
    (draft / "model.bin").write_bytes(b"weights")

artifacts._export = export
print(artifacts.ensure(resolve("efficientnet-lite0"), folder), flush=True)
"""


def builder(folder: Path, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", BUILDER, str(folder), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])


@pytest.fixture
def exports(monkeypatch: pytest.MonkeyPatch) -> list[ModelSpec]:
    """The exports that this process made."""
    made: list[ModelSpec] = []

    def export(spec: ModelSpec, draft: Path) -> None:
        made.append(spec)
        (draft / "model.xml").write_text("<xml/>")
        (draft / "model.bin").write_bytes(b"weights")

    monkeypatch.setattr(artifacts, "_export", export)
    return made


def test_it_is_built_once_and_found_again(tmp_path: Path, exports: list[ModelSpec]) -> None:
    first, second = ensure(SPEC, tmp_path / "new"), ensure(SPEC, tmp_path / "new")
    assert first == second == folder_of(SPEC, tmp_path / "new") / "model.xml"
    assert first.with_suffix(".bin").read_bytes() == b"weights"
    assert exports == [SPEC]


def test_of_two_processes_that_start_at_once_one_builds(tmp_path: Path) -> None:
    said = [process.communicate(timeout=30)[0].split() for process in [builder(tmp_path, 0.5) for _ in range(2)]]
    assert sum(words.count("building") for words in said) == 1
    assert said[0][-1] == said[1][-1]


def test_a_killed_build_leaves_nothing_that_counts_and_is_cleared_away(
    tmp_path: Path, exports: list[ModelSpec]
) -> None:
    process = builder(tmp_path, 60)
    assert process.stdout
    assert process.stdout.readline() == "building\n"
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    assert not folder_of(SPEC, tmp_path).exists()
    start = time.monotonic()
    assert is_intact(ensure(SPEC, tmp_path).parent)
    assert time.monotonic() - start < 5, "nobody may wait for the lock of the dead"
    assert exports == [SPEC]
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == [folder_of(SPEC, tmp_path).name]


@pytest.mark.parametrize("name", ["model.xml", "model.bin", "manifest.json"])
@pytest.mark.parametrize("content", [b"", b"{}7", None])
def test_a_broken_artifact_is_rebuilt(
    tmp_path: Path, exports: list[ModelSpec], name: str, content: bytes | None
) -> None:
    broken = ensure(SPEC, tmp_path).with_name(name)
    broken.unlink() if content is None else broken.write_bytes(content)
    assert not is_intact(broken.parent)
    assert is_intact(ensure(SPEC, tmp_path).parent)
    assert len(exports) == 2


def test_an_artifact_without_its_model_is_not_intact(tmp_path: Path, exports: list[ModelSpec]) -> None:
    folder = ensure(SPEC, tmp_path).parent
    (folder / "manifest.json").write_text("{}")
    assert not is_intact(folder)
    assert exports == [SPEC]


def test_the_key_follows_what_decides_the_outputs(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {content_key(spec) for spec in (SPEC, resolve("efficientnet-lite1"), resolve("mobilenet"))}
    keys.add(content_key(replace(SPEC, version="2")))
    keys.add(content_key(replace(SPEC, transform=Transform(224, 1.0))))
    assert content_key(replace(SPEC, title="another title", license="MIT")) in keys
    monkeypatch.setattr(artifacts, "version", lambda _: "99")
    keys.add(content_key(SPEC))
    assert len(keys) == 6


def test_an_export_that_dies_is_told_in_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    missing = replace(SPEC, weights="no weights at all")  # type: ignore[arg-type]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(artifacts, "content_key", lambda _: "0")
        with pytest.raises(ArtifactBuildFailed, match=r"efficientnet-lite0 could not be built: \S+") as caught:
            ensure(missing, tmp_path)
    assert "\n" not in str(caught.value)
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []
