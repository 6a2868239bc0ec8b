"""``model.yaml`` beside a user's model: what its file does not tell, or tells wrong."""

import difflib
from pathlib import Path
from typing import Annotated, Final, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from models.custom.text_file import read_text
from models.errors import InvalidModel
from models.spec import Adapter, OutputKind

_RANGES: Final[dict[str, tuple[float, float]]] = {"0..255": (0, 255), "0..1": (0, 1), "-1..1": (-1, 1)}
_IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)
_IMAGENET_STD: Final = (0.229, 0.224, 0.225)
_CAFFE_MEAN: Final = (103.939, 116.779, 123.68)
_Side = Annotated[int, Field(ge=1, le=4096)]
_Number = Annotated[float, Field(allow_inf_nan=False)]
_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class ModelOptions(BaseModel):
    """The keys of ``model.yaml``; all may be left out, and an unknown one is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str | None = None
    labels: Annotated[str, Field(pattern=r"^[^/\\]+$")] | None = None
    """File name in the same folder."""
    size: _Side | tuple[_Side, _Side] | None = None
    """Of a model that takes any size; height and width."""
    crop: Annotated[float, Field(gt=0, le=1)] = 1.0
    resize: Literal["crop", "stretch"] = "crop"
    input_range: Literal["0..255", "0..1", "-1..1", "torch", "caffe"] | tuple[_Number, _Number] | None = None
    mean: tuple[_Number, ...] | None = None
    """Subtracted from each channel, in units of ``input_range``."""
    std: tuple[_Positive, ...] | None = None
    """Divides each channel after ``mean``."""
    channel_order: Literal["rgb", "bgr"] | None = None
    layout: Literal["channels_last", "channels_first"] | None = None
    kind: OutputKind | None = None
    outputs: Literal["probabilities", "logits"] | None = None

    @field_validator("mean", "std", mode="before")
    @classmethod
    def _list(cls, value: object) -> object:
        return [value] if isinstance(value, int | float) else value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.input_range in ("torch", "caffe") and (self.mean or self.std or self.channel_order):
            raise ValueError(f"input_range {self.input_range} already includes mean, std and channel_order")
        if (self.mean or self.std) and self.input_range is None:
            raise ValueError("mean and std need input_range, the range of the values before them")
        if isinstance(self.input_range, tuple) and self.input_range[0] >= self.input_range[1]:
            raise ValueError("input_range must be [lowest, highest]")
        for values in (self.mean, self.std):
            if values is not None and len(values) not in (1, 3):
                raise ValueError("mean and std take one number, or one for each channel")
        return self

    def scaling(self) -> Adapter | None:
        """Scale, offset and order of the channels; None if ``input_range`` is not given."""
        match self.input_range:
            case None:
                return Adapter(bgr=True) if self.channel_order == "bgr" else None
            case "torch":
                return _adapter(0, 1, _IMAGENET_MEAN, _IMAGENET_STD, bgr=False)
            case "caffe":
                return _adapter(0, 255, _CAFFE_MEAN, (1.0,), bgr=True)
            case str():
                low, high = _RANGES[self.input_range]
            case _:
                low, high = self.input_range
        return _adapter(low, high, self.mean or (0.0,), self.std or (1.0,), bgr=self.channel_order == "bgr")


def _adapter(low: float, high: float, mean: tuple[float, ...], std: tuple[float, ...], *, bgr: bool) -> Adapter:
    """For ``((low + pixel / 255 * (high - low)) - mean) / std``."""
    count = max(len(mean), len(std))
    means, stds = (values * count if len(values) == 1 else values for values in (mean, std))
    scale = tuple((high - low) / 255 / each for each in stds)
    offset = tuple((low - center) / each for center, each in zip(means, stds, strict=True))
    return Adapter(scale, offset, bgr)


def options_beside(path: Path) -> tuple[ModelOptions, Path]:
    """The options of a model and their file, which need not exist. Raises InvalidModel.

    ``path``: of the model. The file is ``NAME.model.yaml``, else ``model.yaml`` in the same folder.
    """
    names = ["model.yaml"] if path.stem == "model" else [f"{path.stem}.model.yaml", "model.yaml"]
    candidates = [path.with_name(name).with_suffix(suffix) for name in names for suffix in (".yaml", ".yml")]
    for candidate in candidates:
        if candidate.is_file():
            return read_options(candidate), candidate
    return ModelOptions(), candidates[0]


def read_options(path: Path) -> ModelOptions:
    """Raises InvalidModel with one line that names every fault."""
    try:
        content = yaml.safe_load(read_text(path))
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidModel(f"{path} cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise InvalidModel(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict | None):
        raise InvalidModel(f"{path} must contain lines like `input_range: 0..1`; its keys are {_known_keys()}.")
    try:
        return ModelOptions.model_validate(content or {})
    except ValidationError as error:
        faults = {str(fault["loc"][0]) if fault["loc"] else "": fault for fault in reversed(error.errors())}
        reasons = [_reason(key, fault["type"], fault["msg"]) for key, fault in reversed(faults.items())]
        raise InvalidModel(f"{path}: {'; '.join(reasons)}.") from None


def _reason(key: str, fault: str, message: str) -> str:
    if fault == "extra_forbidden":
        near = difflib.get_close_matches(key, ModelOptions.model_fields, n=1, cutoff=0.5)
        return f"there is no key {key!r}; {f'did you mean {near[0]}?' if near else f'the keys are {_known_keys()}'}"
    if key in _EXPECTED:
        return f"{key} must be {_EXPECTED[key]}"
    return message.removeprefix("Value error, ")


def _known_keys() -> str:
    return ", ".join(ModelOptions.model_fields)


_EXPECTED: Final = {
    "name": "a text",
    "labels": "the name of a file in the same folder",
    "size": "a number of pixels or [height, width]",
    "crop": "a fraction above 0 and at most 1",
    "resize": "crop or stretch",
    "input_range": "0..255, 0..1, -1..1, torch, caffe or [lowest, highest]",
    "mean": "a number or a list of three",
    "std": "a positive number or a list of three",
    "channel_order": "rgb or bgr",
    "layout": "channels_last or channels_first",
    "kind": "multi-class, multi-label or binary",
    "outputs": "probabilities or logits",
}
