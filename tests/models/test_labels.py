import json
from pathlib import Path

import pytest

from models.errors import InvalidModel
from models.labels import labels_of, read_labels
from models.zoo import resolve_model


def test_imagenet_has_1000_classes_in_order() -> None:
    labels = labels_of(resolve_model("efficientnet-lite0"))
    assert len(labels) == 1000
    assert (labels.wnid(0), labels.name(0)) == ("n01440764", "tench")
    assert (labels.wnid(187), labels.name(187)) == ("n02094433", "Yorkshire_terrier")
    assert len({labels.wnid(index) for index in range(1000)}) == 1000


def test_search_ignores_case_and_ranks_prefixes_first() -> None:
    labels = labels_of(resolve_model("efficientnet-lite0"))
    assert [labels.name(index) for index in labels.search("YORKSHIRE terrier")] == ["Yorkshire_terrier"]
    assert labels.search("n02094433") == [187]
    assert labels.search("no such thing") == []
    assert labels.search(" ") == list(range(1000))
    assert [labels.name(index) for index in labels.search("tiger")] == [
        "tiger",
        "tiger_shark",
        "tiger_cat",
        "tiger_beetle",
    ]
    assert [labels.name(index) for index in labels.search("bear")][:2] == ["bearskin", "brown_bear"]


def test_classes_of_the_same_name_are_distinguished() -> None:
    labels = labels_of(resolve_model("mobilenet"))
    cranes = [index for index in labels.search("crane") if labels.name(index) == "crane"]
    assert [labels.wnid(index) for index in cranes] == ["n02012849", "n03126707"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (["cat", "dog"], [("", "cat"), ("", "dog")]),
        ({"1": ["n2", "dog"], "0": ["n1", "cat"]}, [("n1", "cat"), ("n2", "dog")]),
    ],
)
def test_lists_and_class_indexes_are_read(tmp_path: Path, content: object, expected: list[tuple[str, str]]) -> None:
    path = tmp_path / "labels.json"
    path.write_text(json.dumps(content))
    labels = read_labels(path)
    assert [(labels.wnid(index), labels.name(index)) for index in range(len(labels))] == expected


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        '["one"]',
        "[1, 2]",
        '{"0": ["a", "b"], "2": ["c", "d"]}',
        '{"0": "a", "2": "b"}',
        '["a", " "]',
        '["a", "b\\u0007"]',
        '{"a": 0, "b": 2}',
        "nonsense",
        "7",
        "\udcff",
    ],
)
def test_malformed_labels_are_rejected(tmp_path: Path, content: str) -> None:
    path = tmp_path / "labels.json"
    path.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(InvalidModel, match=r"labels\.json"):
        read_labels(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("labels.json", '["größe", "b c"]'.encode()),
        ("labels.json", '["größe", "b c"]'.encode("utf-8-sig")),
        ("labels.json", '["größe",\r\n"b c"]\r\n'.encode("utf-16")),
        ("labels.json", '["größe", "b c"]'.encode("utf-32")),
        ("labels.json", '{"0": "größe", "1": "b c"}'.encode()),
        ("labels.json", '{"b c": 1, "größe": 0}'.encode()),
        ("labels.txt", "größe\nb c\n".encode()),
        ("labels.TXT", "\ufeffgröße\r\n b c \r\n\r\n".encode()),
    ],
)
def test_labels_are_read_as_other_programs_write_them(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    labels = read_labels(path)
    assert [labels.name(index) for index in range(len(labels))] == ["größe", "b c"]
