"""Building, sharing and rebuilding artifacts, with a fake export that records its calls."""

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from models import artifacts
from models.artifacts import ARTIFACT_FILES, artifact_folder, artifact_key, ensure_artifact
from models.atomic_folder import is_intact
from models.errors import ArtifactBuildFailed
from models.spec import ModelSpec, Transform
from models.zoo import resolve_model

SPEC = resolve_model("efficientnet-lite0")

BUILDER = """
import sys, time
from pathlib import Path
from models import artifacts
from models.zoo import resolve_model

folder, seconds = Path(sys.argv[1]), float(sys.argv[2])

def export(spec, draft):
    (draft / "model.xml").write_text("<xml/>")
    print("building", flush=True)
    time.sleep(seconds)
    (draft / "model.bin").write_bytes(b"weights")

artifacts._export = export
print(artifacts.ensure_artifact(resolve_model("efficientnet-lite0"), folder), flush=True)
"""


def builder(folder: Path, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", BUILDER, str(folder), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])


@pytest.fixture
def exports(monkeypatch: pytest.MonkeyPatch) -> list[ModelSpec]:
    """The exports made in this process."""
    made: list[ModelSpec] = []

    def export(spec: ModelSpec, draft: Path) -> None:
        made.append(spec)
        (draft / "model.xml").write_text("<xml/>")
        (draft / "model.bin").write_bytes(b"weights")

    monkeypatch.setattr(artifacts, "_export", export)
    return made


def test_an_artifact_is_built_only_once(tmp_path: Path, exports: list[ModelSpec]) -> None:
    first, second = ensure_artifact(SPEC, tmp_path / "new"), ensure_artifact(SPEC, tmp_path / "new")
    assert first == second == artifact_folder(SPEC, tmp_path / "new") / "model.xml"
    assert first.with_suffix(".bin").read_bytes() == b"weights"
    assert exports == [SPEC]


def test_only_one_of_two_concurrent_processes_builds(tmp_path: Path) -> None:
    said = [process.communicate(timeout=30)[0].split() for process in [builder(tmp_path, 0.5) for _ in range(2)]]
    assert sum(words.count("building") for words in said) == 1
    assert said[0][-1] == said[1][-1]


def test_the_remains_of_a_killed_build_are_removed(tmp_path: Path, exports: list[ModelSpec]) -> None:
    process = builder(tmp_path, 60)
    assert process.stdout
    assert process.stdout.readline() == "building\n"
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    assert not artifact_folder(SPEC, tmp_path).exists()
    assert is_intact(ensure_artifact(SPEC, tmp_path).parent, ARTIFACT_FILES), "the killed process holds no lock"
    assert exports == [SPEC]
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == [artifact_folder(SPEC, tmp_path).name]


@pytest.mark.parametrize("name", ["model.xml", "model.bin", "manifest.json"])
@pytest.mark.parametrize("content", [b"", b"{}7", None])
def test_a_corrupt_artifact_is_rebuilt(
    tmp_path: Path, exports: list[ModelSpec], name: str, content: bytes | None
) -> None:
    broken = ensure_artifact(SPEC, tmp_path).with_name(name)
    broken.unlink() if content is None else broken.write_bytes(content)
    assert not is_intact(broken.parent, ARTIFACT_FILES)
    assert is_intact(ensure_artifact(SPEC, tmp_path).parent, ARTIFACT_FILES)
    assert len(exports) == 2


def test_an_artifact_without_its_model_is_not_intact(tmp_path: Path, exports: list[ModelSpec]) -> None:
    folder = ensure_artifact(SPEC, tmp_path).parent
    (folder / "manifest.json").write_text("{}")
    assert not is_intact(folder, ARTIFACT_FILES)
    assert exports == [SPEC]


def test_the_key_depends_on_everything_that_affects_the_outputs(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {artifact_key(spec) for spec in (SPEC, resolve_model("efficientnet-lite1"), resolve_model("mobilenet"))}
    keys.add(artifact_key(replace(SPEC, version="2")))
    keys.add(artifact_key(replace(SPEC, transform=Transform.square(224, 1.0))))
    assert artifact_key(replace(SPEC, title="another title", license="MIT")) in keys
    monkeypatch.setattr(artifacts, "version", lambda _: "99")
    keys.add(artifact_key(SPEC))
    assert len(keys) == 6


def test_a_failed_export_is_reported_in_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    missing = replace(SPEC, weights="no weights at all")  # type: ignore[arg-type]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(artifacts, "artifact_key", lambda _: "0")
        with pytest.raises(ArtifactBuildFailed, match=r"efficientnet-lite0 could not be built: \S+") as caught:
            ensure_artifact(missing, tmp_path)
    assert "\n" not in str(caught.value)
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []
