from pathlib import Path

import pytest

from models import child_process
from models.errors import ArtifactBuildFailed, WeightsUnavailable


def test_a_model_error_of_the_child_is_raised_again(tmp_path: Path) -> None:
    error = WeightsUnavailable("no network")
    with pytest.raises(WeightsUnavailable, match=r"^no network$"):
        child_process.run("tests.models.failing_child", tmp_path, error, "The artifact")


def test_any_other_error_of_the_child_is_its_last_line(tmp_path: Path) -> None:
    error = OSError("the disk is full")
    with pytest.raises(ArtifactBuildFailed, match=r"^The artifact could not be built: OSError: the disk is full$"):
        child_process.run("tests.models.failing_child", tmp_path, error, "The artifact")
