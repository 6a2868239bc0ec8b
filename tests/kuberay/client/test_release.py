"""What follows on Helm's success and failure, with a Helm that only keeps its books."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from kuberay.errors import DeployError, MigrationFailed
from kuberay.helm import Helm, Revision, Values
from kuberay.observation import Observation, Observer
from kuberay.pods import troubles
from kuberay.ray_service import RayService
from kuberay.release import Release
from kuberay.target import Target
from tests.kuberay.client.statuses import APPLICATION, cluster, condition, service
from tests.kuberay.client.test_waiting import Hand, Shown

UP = service()
BROKEN = service(status={"activeServiceStatus": cluster(application={**APPLICATION, "status": "DEPLOY_FAILED"})})


def revision(number: int, status: str) -> Revision:
    return Revision(number, status, "raylens-0.1.0", "0.1.0", "", "this morning")


@dataclass
class Books:
    """Stands for Helm: every upgrade and rollback is one more revision."""

    revisions: list[Revision] = field(default_factory=list)
    failure: DeployError | None = None
    writes: bool = True
    rolled_back_to: list[int] = field(default_factory=list)
    target: Target = field(default_factory=lambda: Target(namespace="vision"))

    def history(self) -> list[Revision]:
        return list(self.revisions)

    def upgrade(self, values: Values, *options: str, timeout_s: float, tick: Any = None) -> None:
        if self.writes:
            self._add("failed" if self.failure else "deployed")
        if self.failure:
            raise self.failure

    def rollback(self, revision: int, *, timeout_s: float) -> None:
        self.rolled_back_to.append(revision)
        self._add("deployed")

    def _add(self, status: str) -> None:
        self.revisions.append(revision(len(self.revisions) + 1, status))


class Cluster:
    """Stands for the observer: broken until Helm has gone back, if it is broken."""

    release = "raylens"

    def __init__(self, books: Books, manifest: dict[str, Any]) -> None:
        self._books = books
        self._manifest = manifest

    def manifest(self) -> dict[str, Any]:
        return UP if self._books.rolled_back_to else self._manifest

    def pods(self, name: str) -> list[dict[str, Any]]:
        return []

    def look(self) -> Observation:
        return Observation(RayService.of(self.manifest()), tuple(troubles([])), {})


def release(books: Books, manifest: dict[str, Any] = UP) -> Release:
    return Release(cast("Helm", books), cast("Observer", Cluster(books, manifest)), Shown(), Hand())


def deployed(books: Books, manifest: dict[str, Any] = UP, *, rolls_back: bool = True) -> DeployError | None:
    try:
        release(books, manifest).deploy(Values(), timeout_s=100, rolls_back=rolls_back)
    except DeployError as error:
        return error
    return None


def test_it_goes_back_where_it_does_not_come_up():
    books = Books([revision(1, "superseded"), revision(2, "deployed")])
    error = deployed(books, BROKEN)
    assert error
    assert error.code == 10
    assert books.rolled_back_to == [2]
    assert "Revision 2 is back and up" in error.advice


def test_it_stays_where_nobody_asked_to_go_back():
    books = Books([revision(1, "deployed")])
    error = deployed(books, BROKEN, rolls_back=False)
    assert error
    assert books.rolled_back_to == []


def test_it_goes_back_past_revisions_that_failed():
    books = Books([revision(1, "deployed"), revision(2, "failed")], failure=MigrationFailed("no", "see"))
    error = deployed(books)
    assert error
    assert error.code == 9
    assert books.rolled_back_to == [1]


def test_there_is_nothing_to_go_back_to():
    error = deployed(Books(), BROKEN)
    assert error
    assert "no revision to go back to" in error.advice


def test_what_helm_did_not_even_begin_is_not_taken_back():
    books = Books([revision(1, "deployed")], failure=DeployError("refused"), writes=False)
    assert deployed(books)
    assert books.rolled_back_to == []


def test_a_suspended_release_is_not_taken_back():
    books = Books([revision(1, "deployed")])
    error = deployed(books, service(suspend=True))
    assert error
    assert error.code == 13
    assert books.rolled_back_to == []


@pytest.mark.parametrize(
    ("history", "advice"),
    [
        ((revision(1, "deployed"), revision(2, "pending-upgrade")), "raylens rollback"),
        ((revision(1, "pending-install"),), "raylens delete"),
    ],
)
def test_a_helm_that_was_killed(history: tuple[Revision, ...], advice: str):
    error = deployed(Books(list(history)))
    assert error
    assert error.code == 8
    assert "this morning" in error.message
    assert advice in error.advice


@pytest.mark.parametrize(
    ("statuses", "wanted"),
    [
        (("superseded", "deployed"), 1),
        (("superseded", "failed", "deployed"), 1),
        (("deployed", "pending-upgrade"), 1),
    ],
)
def test_back_to_the_last_done(statuses: tuple[str, ...], wanted: int):
    books = Books([revision(number, status) for number, status in enumerate(statuses, start=1)])
    release(books).rollback(None, timeout_s=100)
    assert books.rolled_back_to == [wanted]


@pytest.mark.parametrize("statuses", [(), ("deployed",), ("failed", "failed")])
def test_nothing_to_go_back_to(statuses: tuple[str, ...]):
    books = Books([revision(number, status) for number, status in enumerate(statuses, start=1)])
    with pytest.raises(DeployError) as raised:
        release(books).rollback(None, timeout_s=100)
    assert raised.value.code == 5


def test_without_waiting():
    books = Books()
    outcome = release(books, service(condition("Ready", "False"))).deploy(Values(), timeout_s=1, waits=False)
    assert (outcome.revision, outcome.waited, outcome.namespace) == (1, False, "vision")


def test_the_chart_is_the_one_beside_the_client():
    helm = Helm(Target(), program=Path("helm"))
    assert helm.chart_version().startswith("raylens-")
