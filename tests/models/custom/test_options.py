"""``model.yaml``: what its keys mean and how faults are reported."""

from pathlib import Path

import pytest

from models.custom.options import options_beside, read_options
from models.errors import InvalidModel


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("input_rang: 0..1", r"there is no key 'input_rang'; did you mean input_range\?"),
        ("colour: rgb", r"there is no key 'colour'; .*"),
        ("zzz: 1", r"there is no key 'zzz'; the keys are name, labels, size,"),
        ("input_range: 0-1", r"input_range must be 0\.\.255, 0\.\.1"),
        ("input_range: [1, 0]", r"input_range must be \[lowest, highest\]"),
        ("mean: 0.5", "mean and std need input_range"),
        ("input_range: torch\nstd: 2", "already includes mean"),
        ("input_range: 0..1\nstd: 0", "std must be a positive number"),
        ("input_range: 0..1\nmean: [1, 2]", "one for each channel"),
        ("size: 0", "size must be a number of pixels"),
        ("crop: 1.5", "crop must be a fraction"),
        ("kind: multilabel\ncrop: x", r"crop must be .*; kind must be multi-class, multi-label or binary"),
        ("- kind", "must contain lines like"),
        ("a: [", "is not YAML"),
        ("\xe9", "not UTF-8"),
    ],
)
def test_faults_are_one_line(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "model.yaml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(InvalidModel, match=message) as caught:
        read_options(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_the_options_of_a_model_precede_those_of_its_folder(tmp_path: Path) -> None:
    model = tmp_path / "a.v1.keras"
    assert options_beside(model)[1] == tmp_path / "a.v1.model.yaml"
    (tmp_path / "model.yml").write_text("size: 1")
    assert options_beside(model)[0].size == 1
    (tmp_path / "a.v1.model.yaml").write_bytes(b"\xef\xbb\xbfsize: [2, 3]\r\n")
    assert options_beside(model)[0].size == (2, 3)
    assert options_beside(tmp_path / "model.keras")[1] == tmp_path / "model.yml"
    (tmp_path / "model.yml").write_text("")
    assert options_beside(tmp_path / "b.keras")[0].size is None
