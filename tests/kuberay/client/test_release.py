"""What a deployment does after Helm succeeds or fails."""

from pathlib import Path
from typing import Any, cast

import pytest

from kuberay.errors import DeployError, MigrationFailed
from kuberay.helm import ChartValues, Helm
from kuberay.release import Release
from kuberay.release_reader import ReleaseReader
from kuberay.release_target import ReleaseTarget
from tests.kuberay.client.fakes import FakeHelm, FakeReader, ManualClock, RecordedProgress, revisions
from tests.kuberay.client.statuses import FAILED, READY, condition, service


def release(helm: FakeHelm, manifest: dict[str, Any] = READY) -> Release:
    reader = cast("ReleaseReader", FakeReader(helm, manifest))
    return Release(cast("Helm", helm), reader, RecordedProgress(), ManualClock())


def deploy_error(helm: FakeHelm, manifest: dict[str, Any] = READY, *, rolls_back: bool = True) -> DeployError:
    with pytest.raises(DeployError) as raised:
        release(helm, manifest).deploy(ChartValues(), timeout_s=100, rolls_back=rolls_back)
    return raised.value


def test_rolls_back_a_release_that_does_not_become_ready():
    helm = FakeHelm(revisions("superseded", "deployed"))
    error = deploy_error(helm, FAILED)
    assert error.code == 10
    assert helm.rolled_back_to == [2]
    assert "Revision 2 is restored and ready" in error.advice


def test_does_not_roll_back_unless_asked():
    helm = FakeHelm(revisions("deployed"))
    assert deploy_error(helm, FAILED, rolls_back=False).code == 10
    assert helm.rolled_back_to == []


def test_rolls_back_past_failed_revisions():
    helm = FakeHelm(revisions("deployed", "failed"), failure=MigrationFailed("message", "advice"))
    assert deploy_error(helm).code == 9
    assert helm.rolled_back_to == [1]


def test_no_revision_to_roll_back_to():
    assert "no revision to go back to" in deploy_error(FakeHelm(), FAILED).advice


def test_does_not_roll_back_if_helm_wrote_no_revision():
    helm = FakeHelm(revisions("deployed"), failure=DeployError("rejected"), writes=False)
    assert deploy_error(helm).message == "rejected"
    assert helm.rolled_back_to == []


def test_does_not_roll_back_a_suspended_release():
    helm = FakeHelm(revisions("deployed"))
    assert deploy_error(helm, service(suspend=True)).code == 13
    assert helm.rolled_back_to == []


@pytest.mark.parametrize(
    ("statuses", "advice"), [(("deployed", "pending-upgrade"), "rollback"), (("pending-install",), "delete")]
)
def test_pending_revision(statuses: tuple[str, ...], advice: str):
    error = deploy_error(FakeHelm(revisions(*statuses)))
    assert error.code == 8
    assert "this morning" in error.message
    assert f"raylens {advice}" in error.advice


@pytest.mark.parametrize(
    "statuses", [("superseded", "deployed"), ("superseded", "failed", "deployed"), ("deployed", "pending-upgrade")]
)
def test_rollback_goes_to_the_last_completed_revision(statuses: tuple[str, ...]):
    helm = FakeHelm(revisions(*statuses))
    release(helm).rollback(None, timeout_s=100)
    assert helm.rolled_back_to == [1]


@pytest.mark.parametrize("statuses", [(), ("deployed",), ("failed", "failed")])
def test_rollback_without_a_completed_revision(statuses: tuple[str, ...]):
    with pytest.raises(DeployError) as raised:
        release(FakeHelm(revisions(*statuses))).rollback(None, timeout_s=100)
    assert raised.value.code == 5


def test_without_waiting():
    unready = service(condition("Ready", "False"))
    result = release(FakeHelm(), unready).deploy(ChartValues(), timeout_s=1, waits=False)
    assert (result.revision, result.waited, result.namespace) == (1, False, "vision")


def test_default_chart():
    helm = Helm(ReleaseTarget(), program=Path("helm"))
    assert helm.chart_version().startswith("raylens-")
