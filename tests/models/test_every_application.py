"""Every architecture of ``keras.applications`` with random weights: exported, run on both runtimes, and compared."""

from collections.abc import Iterator

import pytest

from benchmarks.applications import Comparison, compare_applications
from models.applications import APPLICATIONS

pytestmark = pytest.mark.chaos

DEEPER = {
    *("densenet169", "densenet201", "resnet101", "resnet152", "resnet101v2", "resnet152v2", "vgg19", "nasnetlarge"),
    *("efficientnetb4", "efficientnetb5", "efficientnetb6", "efficientnetb7", "efficientnetv2m", "efficientnetv2l"),
    *("convnextsmall", "convnextbase", "convnextlarge", "convnextxlarge"),
}
"""Same layers as a smaller classifier, but more of them; ``make bench-applications`` compares them, too."""

COMPARED = sorted(APPLICATIONS.keys() - DEEPER, key=lambda name: APPLICATIONS[name].parameters or 0)


@pytest.fixture(scope="module")
def comparisons(request: pytest.FixtureRequest) -> Iterator[Iterator[Comparison]]:
    """In the order of the selected tests, computed ahead of them."""
    tests = [item for item in request.session.items if isinstance(item, pytest.Function)]
    names = [str(test.callspec.params["name"]) for test in tests if test.module is request.module]
    rows = compare_applications(names, workers=2)
    yield rows
    rows.close()  # ends the processes


@pytest.mark.parametrize("name", COMPARED)
def test_both_runtimes_compute_what_keras_does(name: str, comparisons: Iterator[Comparison]) -> None:
    row = next(comparisons)
    assert row.name == name
    assert row.largest > 0.01, "some class is likely"
    assert row.variation > 0.005, "the classes depend on the image"
    assert row.openvino < 1e-4
    assert row.tensorflow < 1e-4
    assert row.peak_mib < 6144
