"""Every classifier of ``keras.applications`` with random weights: exported, run on both runtimes, and compared.

``conftest`` starts the comparison at the beginning of the run, because most other slow tests wait for something.
``make bench-applications`` compares at the size of the weights.
"""

from collections.abc import Iterator

import pytest

from benchmarks.applications import Comparison
from models.applications import APPLICATIONS
from tests.models.conftest import COMPARISONS

pytestmark = pytest.mark.chaos

BY_SIZE = sorted(APPLICATIONS, key=lambda name: APPLICATIONS[name].parameters or 0)


@pytest.fixture(scope="module")
def comparisons(pytestconfig: pytest.Config) -> Iterator[Comparison]:
    """In the order of the selected tests."""
    return pytestconfig.stash[COMPARISONS]


@pytest.mark.parametrize("application", BY_SIZE)
def test_both_runtimes_compute_what_keras_does(application: str, comparisons: Iterator[Comparison]) -> None:
    row = next(comparisons)
    assert row.name == application
    assert row.largest > 0.01, "some class is likely"
    assert row.variation > 0.005, "the classes depend on the image"
    bound = 3e-4 if application.startswith("resnet1") else 1e-4  # rounding errors add up over 100 layers and more
    assert row.openvino < bound
    assert row.tensorflow < bound
    is_large = (APPLICATIONS[application].parameters or 0) > 40e6
    assert row.peak_mib < (8192 if is_large else 4096)
