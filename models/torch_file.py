"""Reads state dicts from PyTorch files in the legacy format (before version 1.6) without PyTorch.

The file is a sequence of pickles (magic number, protocol, system information, state dict, storage keys) followed by the
storages: for each an int64 count and that many raw values. Pickled tensors only refer to storages. The unpickler
allows just the four names that such files need, so a malicious file cannot execute code.
"""

import io
import pickle
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from models.errors import WeightsCorrupt

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001

StateDict = dict[str, npt.NDArray[Any]]


@dataclass(slots=True)
class _Storage:
    dtype: np.dtype[Any]
    count: int
    values: npt.NDArray[Any] = field(default_factory=lambda: np.empty(0))


class _TensorRef(NamedTuple):
    """The arguments of ``torch._utils._rebuild_tensor_v2``. Sizes and strides are in elements."""

    storage: _Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]
    requires_grad: bool
    backward_hooks: object


_ALLOWED: dict[tuple[str, str], object] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _TensorRef,
    ("torch", "FloatStorage"): np.dtype("<f4"),
    ("torch", "LongStorage"): np.dtype("<i8"),
}


class _StateDictUnpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> object:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise WeightsCorrupt(f"The weights file refers to {module}.{name}, which is not allowed.") from None

    def persistent_load(self, pid: tuple[str, np.dtype[Any], str, str, int, object]) -> _Storage:
        kind, dtype, key, _device, count, view = pid
        if kind != "storage" or view is not None:
            raise WeightsCorrupt(f"The weights file contains an unsupported reference: {kind!r}.")
        return self.storages.setdefault(key, _Storage(dtype, count))


def read_state_dict(data: bytes) -> StateDict:
    """Tensors by name, C-contiguous, in PyTorch's layout (OIHW kernels).

    Raises WeightsCorrupt if the file is not in the legacy format or refers to names that are not allowed.
    """
    try:
        return _read(io.BytesIO(data))
    except WeightsCorrupt:
        raise
    except Exception as error:  # a damaged pickle can raise anything
        raise WeightsCorrupt(f"The weights cannot be read: {error}") from error


def _read(file: io.BytesIO) -> StateDict:
    magic, protocol, system = (_StateDictUnpickler(file).load() for _ in range(3))
    if (magic, protocol, system["little_endian"]) != (MAGIC, PROTOCOL, True):
        raise WeightsCorrupt("The weights are not in PyTorch's little-endian legacy format (before version 1.6).")
    unpickler = _StateDictUnpickler(file)
    tensors: dict[str, _TensorRef] = unpickler.load()
    for key in _StateDictUnpickler(file).load():
        _fill(unpickler.storages[key], file)
    return {name: _materialize(tensor) for name, tensor in tensors.items()}


def _fill(storage: _Storage, file: io.BytesIO) -> None:
    count = int.from_bytes(file.read(8), "little")
    if count != storage.count:
        raise WeightsCorrupt(f"A storage holds {count} values, but {storage.count} were declared.")
    storage.values = np.frombuffer(file.read(count * storage.dtype.itemsize), storage.dtype, count)


def _materialize(tensor: _TensorRef) -> npt.NDArray[Any]:
    """Copy the strided view into a contiguous array. Transposition is expressed by strides alone."""
    values = tensor.storage.values
    last = tensor.offset + sum((size - 1) * step for size, step in zip(tensor.size, tensor.stride, strict=True))
    if tensor.offset < 0 or min(tensor.stride, default=0) < 0 or min(tensor.size, default=1) < 1 or last >= values.size:
        raise WeightsCorrupt("A tensor extends beyond its storage.")
    strides = tuple(step * values.itemsize for step in tensor.stride)
    return np.lib.stride_tricks.as_strided(values[tensor.offset :], tensor.size, strides).copy()
