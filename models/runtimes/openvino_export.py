"""Converts a Keras model to OpenVINO and compares the two, so that no artifact differs from its model."""

import gc
import re
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino

from models.arrays import Float32Array, UInt8Array
from models.errors import ArtifactBuildFailed, InvalidModel
from models.runtimes.precision import forbid_implicit_rounding
from models.runtimes.tensorflow import OUTPUT, trace

if TYPE_CHECKING:
    import keras

_TOLERANCE = 0.01
"""Largest difference between OpenVINO and Keras in fp32, as a fraction of the range of the outputs."""
_ROUNDING = 1e-6
"""Difference allowed in addition, for models whose outputs are all equal."""


def export_to_openvino(model: "keras.Model", shape: tuple[int, int, int], model_xml: Path) -> Float32Array:
    """Write ``model_xml`` and the ``.bin`` file beside it: uint8 (N, *shape) → float32 (N, C).

    Returns the outputs of Keras on TensorFlow for :func:`sample_pixels`, which those of OpenVINO are compared with.
    Raises ArtifactBuildFailed if OpenVINO does not support the model or computes other outputs than Keras, InvalidModel
    if the outputs are not finite.
    """
    forbid_implicit_rounding()
    graph = trace(model, shape)
    pixels = sample_pixels(shape)
    expected: Float32Array = graph(pixels)[OUTPUT].numpy()
    if not np.isfinite(expected).all():
        raise InvalidModel("The model's outputs are not finite numbers, so its weights are unusable.")
    openvino.serialize(_converted(graph), model_xml)
    del graph, model  # makes room for the compiled model
    gc.collect()
    _check(model_xml, pixels, expected)
    return expected


def sample_pixels(shape: tuple[int, int, int]) -> UInt8Array:
    """Two reproducible images, uint8 (2, *shape): noise, and large areas of one colour each."""
    height, width, channels = shape
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, shape, np.uint8)
    areas = random.integers(0, 256, (4, 4, channels), np.uint8)
    areas = areas.repeat(-(-height // 4), axis=0).repeat(-(-width // 4), axis=1)
    return np.stack([noise, areas[:height, :width]])


def _converted(graph: Any) -> openvino.Model:  # noqa: ANN401 – TensorFlow has no types
    """The part of the graph that leads to the named output.

    The converter turns everything that nothing consumes into a further result, in no particular order: for example the
    second output of each operation with a gradient of its own, such as swish.
    """
    _state_version_of_tensorflow()
    try:
        model = openvino.convert_model(graph)
    except Exception as error:  # OpenVINO raises bare exceptions of its C++ code
        raise ArtifactBuildFailed(f"OpenVINO cannot run this model: {_reason(str(error))}. {_ADVICE}") from error
    return openvino.Model([model.output(OUTPUT)], model.get_parameters(), "classifier")


def _state_version_of_tensorflow() -> None:
    """OpenVINO 2026.4 finds it out with ``exec("import tensorflow")`` and ``exec("del tensorflow")``.

    Since Python 3.13 each ``exec`` in a function has a namespace of its own, so the second one fails.
    """
    from openvino.frontend.tensorflow import utils  # noqa: PLC0415

    utils.get_environment_setup = lambda _: {"tensorflow": version("tensorflow")}


_ADVICE = "Set the Classifier's runtime to tensorflow, on the command line with --runtime tensorflow."
_MISSING = re.compile(r"No conversion rule found for operations: ([^\n]+)")
_NOISE = ("Exception from", "Check '", "FrontEnd API failed", "Model wasn't fully converted")


def _reason(message: str) -> str:
    """One line out of OpenVINO's message, preferably the operations that it does not support."""
    if missing := _MISSING.search(message):
        return f"it does not support the operation {missing[1].strip()}"
    lines = [line.strip(" .:") for line in message.splitlines()]
    return next((line for line in lines if line and not line.startswith(_NOISE)), "it gives no reason")


def _check(model_xml: Path, pixels: UInt8Array, expected: Float32Array) -> None:
    """Raise ArtifactBuildFailed unless the artifact has one input and one output and computes what Keras does."""
    model = openvino.Core().read_model(model_xml)
    ends = [(end.get_element_type().to_string(), end.get_partial_shape().rank.get_length()) for end in _ends(model)]
    if ends != [("u8", 4), ("f32", 2)]:
        raise ArtifactBuildFailed(f"The exported model must map one image to one row of numbers, not {ends}. {_ADVICE}")
    try:
        compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        outputs: Float32Array = compiled(pixels)[0]
    except RuntimeError as error:
        raise ArtifactBuildFailed(f"OpenVINO cannot run this model: {_reason(str(error))}. {_ADVICE}") from error
    difference = float(np.abs(outputs - expected).max()) if outputs.shape == expected.shape else np.inf
    if not difference <= _ROUNDING + _TOLERANCE * float(np.ptp(expected)):
        raise ArtifactBuildFailed(f"OpenVINO and Keras disagree: their outputs differ by {difference:.2g}. {_ADVICE}")


def _ends(model: openvino.Model) -> list[Any]:
    return [*model.inputs, *model.outputs]
