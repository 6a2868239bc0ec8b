import io
import pickle
import sys
from collections import OrderedDict
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from models.errors import WeightsCorrupt
from models.torch_file import MAGIC, PROTOCOL, read_state_dict


class FloatStorage:
    """Stand-in for the PyTorch class of that name; ``values`` are written to the file."""

    def __init__(self, key: str, values: list[float], declared: int | None = None) -> None:
        self.key = key
        self.values = np.array(values, "<f4")
        self.declared = len(values) if declared is None else declared


def _rebuild_tensor_v2(*_: object) -> None:
    raise AssertionError("only its name goes into the file")


class Tensor:
    def __init__(self, storage: FloatStorage, offset: int, size: tuple[int, ...], stride: tuple[int, ...]) -> None:
        self.arguments: tuple[Any, ...] = (storage, offset, size, stride, False, OrderedDict())

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return _rebuild_tensor_v2, self.arguments


class _Pickler(pickle.Pickler):
    def persistent_id(self, obj: object) -> tuple[object, ...] | None:
        return ("storage", FloatStorage, obj.key, "cpu", obj.declared, None) if isinstance(obj, FloatStorage) else None


@pytest.fixture(autouse=True)
def _torch_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pickle the stand-ins under the names of PyTorch."""
    torch, internal = ModuleType("torch"), ModuleType("torch._utils")
    torch.FloatStorage, internal._rebuild_tensor_v2 = FloatStorage, _rebuild_tensor_v2  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", internal)
    monkeypatch.setattr(FloatStorage, "__module__", "torch")
    monkeypatch.setattr(_rebuild_tensor_v2, "__module__", "torch._utils")


def file_of(state: object, storages: list[FloatStorage], magic: int = MAGIC) -> bytes:
    file = io.BytesIO()
    for header in (magic, PROTOCOL, {"little_endian": True}):
        pickle.dump(header, file, protocol=2)
    _Pickler(file, protocol=2).dump(state)
    pickle.dump([storage.key for storage in storages], file, protocol=2)
    for storage in storages:
        file.write(len(storage.values).to_bytes(8, "little") + storage.values.tobytes())
    return file.getvalue()


def test_strides_and_offsets_are_respected() -> None:
    storage = FloatStorage("a", [9, 0, 1, 2, 3, 4, 5])
    state = OrderedDict(
        rows=Tensor(storage, 1, (2, 3), (3, 1)),
        transposed=Tensor(storage, 1, (3, 2), (1, 3)),
        scalar=Tensor(storage, 0, (), ()),
    )
    tensors = read_state_dict(file_of(state, [storage]))
    np.testing.assert_array_equal(tensors["rows"], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(tensors["transposed"], [[0, 3], [1, 4], [2, 5]])
    assert tensors["transposed"].flags.c_contiguous
    assert tensors["scalar"] == 9


def test_storages_are_read_in_the_order_of_their_keys() -> None:
    first, second = FloatStorage("a", [1]), FloatStorage("b", [2, 3])
    state = OrderedDict(x=Tensor(first, 0, (1,), (1,)), y=Tensor(second, 0, (2,), (1,)))
    tensors = read_state_dict(file_of(state, [second, first]))
    assert tensors["x"].tolist() == [1]
    assert tensors["y"].tolist() == [2, 3]


def test_a_malicious_file_executes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # such a string holds only ASCII, which its path may not be
    mark = tmp_path / "ran"
    hostile = b"cposix\nsystem\n(S'touch ran'\ntR."
    headers = [pickle.dumps(part) for part in (MAGIC, PROTOCOL, {"little_endian": True})]
    for place in range(4):
        with pytest.raises(WeightsCorrupt, match=r"posix\.system"):
            read_state_dict(b"".join([*headers[:place], hostile]))
    assert not mark.exists()
    pickle.loads(hostile)
    assert mark.exists(), "the payload itself works"


@pytest.mark.parametrize(
    ("offset", "size", "stride"),
    [(0, (4,), (1,)), (2, (2,), (1,)), (0, (2, 2), (2, 1)), (-1, (1,), (1,)), (2, (2,), (-1,))],
)
def test_a_tensor_cannot_extend_beyond_its_storage(offset: int, size: tuple[int, ...], stride: tuple[int, ...]) -> None:
    storage = FloatStorage("a", [1, 2, 3])
    with pytest.raises(WeightsCorrupt, match="beyond"):
        read_state_dict(file_of({"x": Tensor(storage, offset, size, stride)}, [storage]))


def test_the_size_of_a_storage_must_match_its_declaration() -> None:
    storage = FloatStorage("a", [1, 2, 3], declared=4)
    with pytest.raises(WeightsCorrupt, match="4 were declared"):
        read_state_dict(file_of({"x": Tensor(storage, 0, (3,), (1,))}, [storage]))


@pytest.mark.parametrize("keep", [0, 5, 60, -1])
def test_a_truncated_file_is_corrupt(keep: int) -> None:
    storage = FloatStorage("a", [1, 2, 3])
    with pytest.raises(WeightsCorrupt):
        read_state_dict(file_of({"x": Tensor(storage, 0, (3,), (1,))}, [storage])[:keep])


def test_an_unsupported_format_is_reported() -> None:
    with pytest.raises(WeightsCorrupt, match=r"1\.6"):
        read_state_dict(file_of({}, [], magic=7))
