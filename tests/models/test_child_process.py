from pathlib import Path
from unittest.mock import patch

import pytest

from models import child_process
from models.artifacts import ARTIFACT_FILES, ensure_artifact
from models.errors import ArtifactBuildFailed, WeightsUnavailable
from models.spec import ModelSpec
from models.zoo import resolve_model
from tests.small_disk import mounted


def test_a_model_error_of_the_child_is_raised_again(tmp_path: Path) -> None:
    error = WeightsUnavailable("no network")
    with pytest.raises(WeightsUnavailable, match=r"^no network$"):
        child_process.run("tests.models.failing_child", tmp_path, error, "The artifact")


def test_any_other_error_of_the_child_is_its_last_line(tmp_path: Path) -> None:
    error = OSError("the disk is full")
    with pytest.raises(ArtifactBuildFailed, match=r"^The artifact could not be built: OSError: the disk is full$"):
        child_process.run("tests.models.failing_child", tmp_path, error, "The artifact")


def test_a_full_disk_is_named_as_the_reason(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", mib=2) as disk:
        disk.fill()
        with pytest.raises(ArtifactBuildFailed, match="no space left on the disk of"):
            child_process.run("tests.models.failing_child", disk.folder, RuntimeError("iostream error"), "The artifact")


def test_an_artifact_that_does_not_fit_leaves_nothing_behind(tmp_path: Path) -> None:
    def export(_spec: ModelSpec, draft: Path) -> None:
        for name in ARTIFACT_FILES:
            (draft / name).write_bytes(bytes(3 << 20))

    with mounted(tmp_path / "disk", mib=4) as disk:
        artifacts = disk.folder / "artifacts"
        with (
            patch("models.artifacts._export", export),
            pytest.raises(ArtifactBuildFailed, match=r"could not be stored in .* No space left on device"),
        ):
            ensure_artifact(resolve_model("efficientnet-lite0"), artifacts)
        assert [path.suffix for path in artifacts.iterdir()] == [".lock"]


def test_a_child_that_is_killed_is_reported_as_such(tmp_path: Path) -> None:
    with pytest.raises(ArtifactBuildFailed, match=r"^The artifact could not be built: the process was killed, maybe"):
        child_process.run("tests.models.failing_child", tmp_path, None, "The artifact")
