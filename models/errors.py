"""Errors in preparing and loading models.

The hierarchy::

    ModelError
    ├── UnknownModelError      no model of that name, and no such file
    ├── ModelNameClash         two models to be served have the same name
    ├── WeightsUnavailable     the weights are not installed and cannot be downloaded
    ├── WeightsCorrupt         the weights do not match the pinned hash, or cannot be read safely
    ├── InvalidModel           a user's model or labels file cannot be used for image classification
    ├── ArtifactBuildFailed    the OpenVINO or int8 artifact could not be built
    ├── PrecisionUnavailable   this machine does not compute in the configured precision
    ├── NotQuantized           precision int8 is configured, but no int8 artifact exists
    ├── QuantizationInaccurate int8 disagrees with fp32 too often
    ├── StatisticsMismatch     the statistics for int8 are damaged or belong to other weights
    └── WarmUpFailed           the model does not return probabilities of the expected shape
"""


class ModelError(Exception):
    """Base class. ``str(error)`` is one line that says what is wrong and what to do."""


class UnknownModelError(ModelError):
    pass


class ModelNameClash(ModelError):
    pass


class WeightsUnavailable(ModelError):
    pass


class WeightsCorrupt(ModelError):
    pass


class InvalidModel(ModelError):
    pass


class ArtifactBuildFailed(ModelError):
    pass


class PrecisionUnavailable(ModelError):
    pass


class NotQuantized(ModelError):
    pass


class QuantizationInaccurate(ModelError):
    pass


class StatisticsMismatch(ModelError):
    pass


class WarmUpFailed(ModelError):
    pass
