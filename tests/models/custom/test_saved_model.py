"""Model files that are damaged or malicious."""

import json
import zipfile
from pathlib import Path

import pytest

from models.errors import InvalidModel
from models.zoo import resolve_model, resolve_models
from tests.models.custom.saved import COLOURS, write_colour_model


def refused(path: Path) -> str:
    with pytest.raises(InvalidModel) as caught:
        resolve_model(str(path))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def with_config(folder: Path, config: bytes) -> Path:
    path = folder / "mine.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", config)
    path.with_name("labels.json").write_text(json.dumps(COLOURS))
    return path


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ("[]", "is no functional or sequential model"),
        ("null", "is no functional or sequential model"),
        ("{}", "is no functional or sequential model"),
        ("[" * 100_000, "is not a .keras file"),
        ('{"class_name": "Sequential", "config": {"layers": "abc"}}', "is no functional or sequential model"),
        ('{"class_name": "Mine", "config": {}}', "is no functional or sequential model"),
        ('{"class_name": "Sequential", "config": {"layers": [1, null]}}', "cannot have written"),
        (
            '{"class_name": "Sequential", "config": {"layers": [{"config": 7}]}}',
            "cannot have written",
        ),
    ],
)
def test_a_configuration_of_another_form_is_rejected(tmp_path: Path, config: str, reason: str) -> None:
    assert reason in refused(with_config(tmp_path, config.encode()))


@pytest.mark.parametrize(
    ("name", "kind"), [("mine.keras", "a .keras"), ("mine.h5", "an HDF5"), ("mine.HDF5", "an HDF5")]
)
def test_the_error_names_the_format_of_the_suffix(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / name).write_text("an error page instead of a download")
    assert f"{name} is not {kind} file" in refused(tmp_path / name)


def test_a_configuration_that_unpacks_to_much_is_not_read(tmp_path: Path) -> None:
    path = with_config(tmp_path, b" " * (65 << 20))
    assert path.stat().st_size < 1 << 20
    assert "config.json has more than 64 MiB" in refused(path)


@pytest.mark.parametrize("labels", ["../names.txt", "folder/names.txt", "/etc/passwd", "''"])
def test_labels_are_in_the_folder_of_the_model(tmp_path: Path, labels: str) -> None:
    model = write_colour_model(tmp_path / "mine.keras", activation="softmax", labels=COLOURS)
    (tmp_path / "model.yaml").write_text(f"labels: {labels}")
    assert "labels must be the name of a file in the same folder" in refused(model)


def test_two_ways_to_a_file_are_one_model(tmp_path: Path) -> None:
    model = write_colour_model(tmp_path / "mine.keras", activation="softmax", labels=COLOURS)
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "b").mkdir()
    ways = [model, tmp_path / "b" / ".." / "mine.keras", tmp_path / "link" / "mine.keras"]
    assert [spec.name for spec in resolve_models(map(str, ways))] == ["mine"]
