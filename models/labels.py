"""Class labels: the name and WordNet id of each class index."""

import json
from functools import lru_cache
from pathlib import Path

from models.errors import InvalidModel
from models.spec import ModelSpec

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
    """Read a JSON list of names or a Keras class index: ``{"0": ["n01440764", "tench"], …}``. Raises InvalidModel."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidModel(f"Labels {path} cannot be read: {error}") from error
    classes = _from_list(content) or _from_class_index(content)
    if classes is None:
        raise InvalidModel(
            f"Labels {path} must be a JSON list of at least two names, "
            'or a class index like {"0": ["n01440764", "tench"], "1": …} without gaps.'
        )
    return Labels(classes)


def _from_list(content: object) -> list[tuple[str, str]] | None:
    if not isinstance(content, list) or len(content) < 2 or not all(isinstance(name, str) for name in content):
        return None
    return [("", name) for name in content]


def _from_class_index(content: object) -> list[tuple[str, str]] | None:
    if not isinstance(content, dict) or len(content) < 2:
        return None
    classes: list[tuple[str, str]] = []
    for index in range(len(content)):
        match content.get(str(index)):
            case [str(wnid), str(name)]:
                classes.append((wnid, name))
            case _:
                return None
    return classes
