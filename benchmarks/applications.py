"""Compares each classifier of ``keras.applications`` on each runtime with Keras, with random weights.

``python -m benchmarks.applications [--size 96] [--workers 2] [NAME ...]`` prints a table. Without ``--size`` every
classifier has the size of its weights.
"""

import gc
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from unittest.mock import patch

import numpy as np
import typer

from models.applications import APPLICATIONS
from models.arrays import Float32Array, UInt8Array
from models.spec import ApplicationWeights, ModelSpec, Transform

if TYPE_CHECKING:
    import keras

_LOGIT_DEVIATION = 2.0
"""Standard deviation of the logits. With the initial weights all classes would have the same probability."""
_MODELS_PER_PROCESS = 3
"""Keras and TensorFlow take seconds to import, but do not release all memory of a model."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One classifier on both runtimes, in fp32."""

    name: str
    size: int
    largest: float
    """The largest of all probabilities that Keras computed."""
    variation: float
    """The largest difference between two images in the probability of a class."""
    openvino: float
    """The largest difference from Keras in any probability."""
    tensorflow: float
    seconds: float
    """CPU time for building, exporting and running."""
    peak_mib: int
    """Resident memory of the process so far."""


def compare_application(name: str, size: int | None = None) -> Comparison:
    """Build, export and run a classifier, by default at its own input size."""
    from models.architectures import build_keras_model  # noqa: PLC0415 – in the child process
    from models.runtimes.openvino import OpenVINORuntime  # noqa: PLC0415
    from models.runtimes.openvino_export import export_to_openvino, sample_pixels  # noqa: PLC0415

    start = time.process_time()
    spec = APPLICATIONS[name]
    spec = replace(spec, transform=Transform.square(size or spec.transform.height, spec.transform.crop))
    pixels = sample_pixels(spec.transform.shape)
    with _untrained(spec, pixels) as expected, tempfile.TemporaryDirectory() as folder:
        model_xml = Path(folder, "model.xml")
        tensorflow = export_to_openvino(build_keras_model(spec), spec.transform.shape, model_xml)
        openvino = OpenVINORuntime(model_xml, 1000, batch_buckets=(1,), threads=1).predict(pixels)
    return Comparison(
        name=name,
        size=spec.transform.height,
        largest=float(expected.max()),
        variation=float(np.abs(expected[0] - expected[1]).max()),
        openvino=float(np.abs(openvino - expected).max()),
        tensorflow=float(np.abs(tensorflow - expected).max()),
        seconds=time.process_time() - start,
        peak_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    )


@contextmanager
def _untrained(spec: ModelSpec, pixels: UInt8Array) -> Iterator[Float32Array]:
    """Let ``keras.applications`` return a classifier with random weights, and compute its probabilities."""
    import keras  # noqa: PLC0415

    assert isinstance(spec.weights, ApplicationWeights)
    size = spec.transform.height
    keras.utils.set_random_seed(0)
    classifier = getattr(keras.applications, spec.weights.function)(weights=None, input_shape=(size, size, 3))
    inputs = getattr(keras.applications, spec.weights.module).preprocess_input(pixels.astype("float32"))
    _condition(classifier, inputs)
    expected = np.asarray(classifier(inputs, training=False))
    with patch.object(keras.applications, spec.weights.function, lambda **_: classifier):
        yield expected
    keras.backend.clear_session()
    gc.collect()


def _condition(classifier: "keras.Model", inputs: Float32Array) -> None:
    """Give the initial weights the properties of trained ones: normalized activations and logits that differ."""
    import keras  # noqa: PLC0415

    random = np.random.default_rng(0)
    for layer in classifier.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
        elif type(layer).__name__ == "LayerScale":  # ConvNeXt's, which starts near zero
            layer.gamma.assign(random.uniform(0.1, 0.5, layer.gamma.shape))
    classifier(inputs, training=True)
    last = [layer for layer in classifier.layers if isinstance(layer, keras.layers.Dense | keras.layers.Conv2D)][-1]
    last.kernel.assign(last.kernel * 0.01)  # so that no probability is 0
    logits = np.log(np.asarray(classifier(inputs, training=False)))
    last.kernel.assign(last.kernel * (_LOGIT_DEVIATION / logits.std()))


@contextmanager
def comparing_applications(
    names: list[str], size: int | None = None, *, workers: int = 1, niceness: int = 0
) -> Iterator[Iterator[Comparison]]:
    """Compare in child processes, which begin at once; gives the results in the order of ``names``."""
    with get_context("spawn").Pool(workers, os.nice, (niceness,), _MODELS_PER_PROCESS) as processes:
        yield processes.imap(partial(compare_application, size=size), names)


def main(
    names: Annotated[list[str] | None, typer.Argument()] = None, size: int | None = None, workers: int = 1
) -> None:
    """Compare all classifiers of keras.applications, or the named ones."""
    ordered = sorted(names or APPLICATIONS, key=lambda name: APPLICATIONS[name].parameters or 0)
    typer.echo("| classifier | input | largest probability | OpenVINO | TensorFlow | CPU s |")
    typer.echo("|---|---|---|---|---|---|")
    with comparing_applications(ordered, size, workers=workers) as rows:
        for row in rows:
            typer.echo(
                f"| {row.name} | {row.size}² | {row.largest:.2f} | {row.openvino:.1e} | {row.tensorflow:.1e} | "
                f"{row.seconds:.0f} |"
            )


if __name__ == "__main__":
    typer.run(main)
