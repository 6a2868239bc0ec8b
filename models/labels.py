"""Class labels: the name and WordNet id of each class index."""

import json
from collections import Counter
from functools import lru_cache
from pathlib import Path

from models.custom.text_file import read_text
from models.errors import InvalidModel
from models.spec import ModelSpec, OutputKind

_MAX_CLASSES = 1 << 16
"""Results keep class indices in 16 bits."""

_IMAGENET = Path(__file__).with_name("imagenet_class_index.json")


class Labels:
    """The classes of one model, in the order of its outputs.

    In ImageNet two pairs of classes share a name (``crane``, ``maillot``) and differ only in the WordNet id.
    """

    def __init__(self, classes: list[tuple[str, str]]) -> None:
        self._classes = classes
        self._folded = [name.replace("_", " ").casefold() for _, name in classes]

    def __len__(self) -> int:
        return len(self._classes)

    @property
    def warnings(self) -> list[str]:
        """Names that several classes share, which clients cannot tell apart without WordNet ids."""
        counts = Counter(self._classes)
        return [f"{count} classes are named {name}." for (_, name), count in counts.items() if count > 1]

    def wnid(self, index: int) -> str:
        """WordNet id like ``n02094433``; empty if the labels file contains only names."""
        return self._classes[index][0]

    def name(self, index: int) -> str:
        return self._classes[index][1]

    def search(self, query: str) -> list[int]:
        """Indices of the classes whose name contains the query, or whose WordNet id equals it.

        Exact matches come first, then names that start with the query. Case is ignored and underscores match spaces.
        An empty query returns all classes in order.
        """
        needle = query.replace("_", " ").strip().casefold()
        hits = [
            index
            for index, (wnid, _) in enumerate(self._classes)
            if needle in self._folded[index] or needle == wnid.casefold()
        ]
        return sorted(
            hits, key=lambda index: (self._folded[index] != needle, not self._folded[index].startswith(needle))
        )


def labels_of(spec: ModelSpec) -> Labels:
    """The labels of a model, cached per process. Raises InvalidModel if the file is missing or malformed."""
    return read_labels(spec.labels or _IMAGENET)


@lru_cache(maxsize=16)
def read_labels(path: Path) -> Labels:
    """Read a file of labels. Raises InvalidModel.

    A ``.txt`` file has one name in each line. A JSON file contains a list of names, a Keras class index
    (``{"0": ["n01440764", "tench"], …}``), or an object from index to name or, like Keras' ``class_indices``, from name
    to index.
    """
    try:
        text = read_text(path)
        classes = _from_lines(text) if path.suffix.casefold() == ".txt" else _from_json(json.loads(text))
    except json.JSONDecodeError as error:
        raise InvalidModel(f"Labels {path} are not JSON: {error}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidModel(f"Labels {path} cannot be read: {error}") from error
    if classes is None or not 2 <= len(classes) <= _MAX_CLASSES:
        raise InvalidModel(
            f"Labels {path} must be a JSON list of 2 to {_MAX_CLASSES:,} names, a .txt file with one name in each "
            'line, or a class index like {"0": ["n01440764", "tench"], "1": …} without gaps.'
        )
    if (
        bad := next((i for i, (_, name) in enumerate(classes) if not name or not name.isprintable()), None)
    ) is not None:
        raise InvalidModel(f"Labels {path}: class {bad} has no printable name, {classes[bad][1]!r}.")
    return Labels(classes)


def labels_beside(path: Path) -> Path:
    """The labels file of a model file. Raises InvalidModel if there is none."""
    candidates = [
        candidate.with_suffix(suffix)
        for candidate in (path.with_suffix(".labels.json"), path.with_name("labels.json"))
        for suffix in (".json", ".txt")
    ]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise InvalidModel(
        f"{path} needs a labels file in the same folder: {candidates[0].name} or {candidates[2].name}, a JSON list of "
        "the names of its classes, or the same as .txt with one name in each line."
    )


def check_label_count(path: Path, labels: Path, outputs: int | None, kind: OutputKind) -> None:
    """Raise InvalidModel unless there is a label for each output of a model, and two for that of a binary one.

    ``path``: of the model. ``outputs``: their number; None if unknown.
    """
    names = len(read_labels(labels))
    if kind is OutputKind.BINARY and names != 2:
        raise InvalidModel(
            f"{path} has a single output, the probability of its second class, so its labels file {labels} needs two "
            f"names, not {names}."
        )
    if kind is not OutputKind.BINARY and outputs not in (None, names):
        raise InvalidModel(f"{path} has {outputs} outputs, its labels file {labels} has {names} names.")


def _from_lines(text: str) -> list[tuple[str, str]]:
    return [("", line.strip()) for line in text.rstrip().splitlines()]


def _from_json(content: object) -> list[tuple[str, str]] | None:
    match content:
        case list() if all(isinstance(name, str) for name in content):
            return [("", name.strip()) for name in content]
        case dict() if content and all(isinstance(index, int) for index in content.values()):
            return _from_index({str(index): name for name, index in content.items()}, len(content))
        case dict():
            return _from_index(content, len(content))
    return None


def _from_index(content: dict[str, object], count: int) -> list[tuple[str, str]] | None:
    classes: list[tuple[str, str]] = []
    for index in range(count):
        match content.get(str(index)):
            case [str(wnid), str(name)]:
                classes.append((wnid, name.strip()))
            case str(name):
                classes.append(("", name.strip()))
            case _:
                return None
    return classes
