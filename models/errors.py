"""What can go wrong with a model before it answers its first image.

The tree::

    ModelError
    ├── UnknownModelError      no such name, and no such file
    ├── WeightsUnavailable     the weights are not on this machine and cannot be fetched
    ├── WeightsCorrupt         the weights are not the ones that were pinned, or cannot be read safely
    ├── InvalidModel           a user's model or labels that cannot classify images
    ├── ArtifactBuildFailed    the compiled form could not be made
    ├── NotCalibrated          int8 is wanted, and the model was never calibrated here
    ├── NotAccurate            int8 tells something else than fp32 too often
    ├── QuantizerMissing       what makes int8 models is not installed
    └── WarmUpFailed           the runtime answers, but not with probabilities of the right shape
"""


class ModelError(Exception):
    """Base of all errors of this package. ``str(error)`` is one line that says what is wrong and what to do."""


class UnknownModelError(ModelError):
    pass


class WeightsUnavailable(ModelError):
    pass


class WeightsCorrupt(ModelError):
    pass


class InvalidModel(ModelError):
    pass


class ArtifactBuildFailed(ModelError):
    pass


class NotCalibrated(ModelError):
    pass


class NotAccurate(ModelError):
    pass


class QuantizerMissing(ModelError):
    pass


class WarmUpFailed(ModelError):
    pass
