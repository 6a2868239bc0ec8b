import pickle
from pathlib import Path

import pytest

from models.errors import UnknownModelError
from models.zoo import ZOO, resolve_model


def test_keys_equal_the_names_of_the_specs() -> None:
    assert all(name == spec.name == name.lower() for name, spec in ZOO.items())


@pytest.mark.parametrize("name", ["mobilenet", "MobileNet", " efficientnetv2b0 ", "ConvNeXtTiny", "ResNet50"])
def test_names_are_case_insensitive(name: str) -> None:
    assert resolve_model(name).name == name.strip().lower()


@pytest.mark.parametrize(
    ("name", "near"),
    [("mobilnet", "mobilenet"), ("resnet-50", "resnet50"), ("efficientnet_lite0", "efficientnet-lite0")],
)
def test_an_unknown_name_suggests_similar_ones(name: str, near: str) -> None:
    with pytest.raises(UnknownModelError, match=rf"{name}.* {near}\b"):
        resolve_model(name)


def test_a_name_without_similar_ones_refers_to_the_list() -> None:
    with pytest.raises(UnknownModelError, match="raylens models list"):
        resolve_model("§§§")


def test_a_missing_file_is_an_unknown_model(tmp_path: Path) -> None:
    with pytest.raises(UnknownModelError, match=r"nothing\.keras"):
        resolve_model(str(tmp_path / "nothing.keras"))


def test_specs_can_be_pickled() -> None:
    assert pickle.loads(pickle.dumps(ZOO)) == ZOO
