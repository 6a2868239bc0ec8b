"""The classifiers of ``keras.applications`` as rows of data, so that choosing one needs no Keras.

Accuracies are those Keras publishes, at the input size given here.
"""

from models.spec import ApplicationWeights, ModelSpec, Transform

CROP = 0.875


def _row(module: str, function: str, size: int, parameters: int, top1: float) -> tuple[str, ModelSpec]:
    spec = ModelSpec(
        name=function.lower(),
        title=function,
        version="keras-imagenet",
        transform=Transform(size, CROP),
        parameters=parameters,
        top1=top1,
        license="see keras.io/api/applications",
        weights=ApplicationWeights(module, function),
    )
    return spec.name, spec


APPLICATIONS: dict[str, ModelSpec] = dict((_row("mobilenet", "MobileNet", 224, 4_253_864, 0.704),))
