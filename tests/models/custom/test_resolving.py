"""Finding users' models: names, clashes, paths."""

import zipfile
from pathlib import Path

import pytest

from models.custom.names import ascii_name, model_name
from models.errors import InvalidModel, ModelNameClash, UnknownModelError
from models.zoo import resolve_model, resolve_models
from tests.models.custom.saved import COLOURS, mean_colour, save, write_colour_model

# Keras saves its variables through a protocol of NumPy 1.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
    pytest.mark.usefixtures("keras_ready"),
]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("My Flowers", "my-flowers"),
        ("Müller", "müller"),
        ("Mu\u0308ller", "müller"),
        ("日本", "日本"),
        ("हिन्दी", "हिन्दी"),
        ("a/b?c#d", "a-b-c-d"),
        ("  x  ", "x"),
        ("v1.2_final", "v1.2_final"),
        ("🐶", "🐶"),
    ],
)
def test_names_keep_letters_of_any_script(text: str, name: str) -> None:
    assert model_name(text) == name
    assert model_name(name) == name


@pytest.mark.parametrize("text", ["", "???", "...", "x" * 101, "日" * 34])
def test_names_that_are_empty_or_too_long_are_rejected(text: str) -> None:
    with pytest.raises(InvalidModel, match=r"model\.yaml"):
        model_name(text)


def test_models_with_equal_names_are_reported_with_a_remedy(tmp_path: Path) -> None:
    from keras.layers import Dense

    first = save(tmp_path / "a", mean_colour(Dense(3)), "Pets.keras")
    second = save(tmp_path / "b", mean_colour(Dense(3)), "pets.KERAS.keras").rename(tmp_path / "b" / "pets.KERAS")
    second.with_name("labels.json").write_text('["red", "green", "blue"]')
    with pytest.raises(ModelNameClash, match=r"both be named pets.*pets\.model\.yaml"):
        resolve_models([str(first), str(second)])
    second.with_name("model.yaml").write_text("name: Other Pets")
    assert [spec.name for spec in resolve_models([str(first), str(second), str(first)])] == ["pets", "other-pets"]
    zoo = save(tmp_path / "c", mean_colour(Dense(3)), "MobileNet.keras")
    with pytest.raises(ModelNameClash, match="a model of Raylens"):
        resolve_models([str(zoo)])


def test_references_find_models_in_other_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from keras.layers import Dense

    save(tmp_path, mean_colour(Dense(3)), "größe 1.keras")
    monkeypatch.chdir(tmp_path)
    spec = resolve_model("größe 1.keras")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir("/")
    assert resolve_model(spec.reference) == spec == resolve_model("~/größe 1.keras")


def test_folders_and_other_files_are_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InvalidModel, match="is a folder; save the model"):
        resolve_model(str(tmp_path))
    (tmp_path / "mine.keras").write_bytes(b"")
    with pytest.raises(InvalidModel, match=r"is a folder; name a file in it, like .*/mine\.keras"):
        resolve_model(str(tmp_path))
    (tmp_path / "mine.onnx").write_bytes(b"")
    with pytest.raises(InvalidModel, match=r"neither a \.keras nor an \.h5 file"):
        resolve_model(str(tmp_path / "mine.onnx"))
    with pytest.raises(UnknownModelError, match="There is no model file"):
        resolve_model("nothing.H5")


def test_names_that_differ_only_in_how_they_are_written_clash(tmp_path: Path) -> None:
    files = [
        write_colour_model(tmp_path / folder / name, activation="softmax", labels=COLOURS)
        for folder, name in (("a", "größe.keras"), ("b", "GRÖSSE.keras"))
    ]
    with pytest.raises(ModelNameClash, match="both be named größe"):
        resolve_models(map(str, files))


def test_models_of_own_classes_are_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", '{"class_name": "Mine", "config": {"name": "mine"}}')
    with pytest.raises(InvalidModel, match="code of your own classes"):
        resolve_model(str(path))


def test_names_in_ascii_are_distinct() -> None:
    assert ascii_name("efficientnet-lite0") == "efficientnet-lite0"
    names = [ascii_name(name) for name in ("日本", "中国", "größe", "🐶")]
    assert all(name.isascii() and name.startswith("xn--") for name in names)
    assert len(set(names)) == 4
