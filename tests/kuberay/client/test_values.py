from pathlib import Path

import pytest
import typer

from kuberay.cli.duration import parse_duration
from kuberay.helm import ChartValues, last_completed
from tests.kuberay.client.fakes import revisions


@pytest.mark.parametrize(
    ("image", "parts"),
    [
        ("raylens", ("raylens", "", "")),
        ("raylens:1.2", ("raylens", "1.2", "")),
        ("localhost:5000/raylens", ("localhost:5000/raylens", "", "")),
        ("localhost:5000/raylens:1.2", ("localhost:5000/raylens", "1.2", "")),
        ("r.example.org/a/raylens@sha256:ab", ("r.example.org/a/raylens", "", "sha256:ab")),
        ("r.example.org/raylens:1.2@sha256:ab", ("r.example.org/raylens", "1.2", "sha256:ab")),
    ],
)
def test_image(image: str, parts: tuple[str, str, str]):
    repository, tag, digest = parts
    assert ChartValues().with_image(image).texts == (
        f"image.repository={repository}",
        f"image.tag={tag}",
        f"image.digest={digest}",
    )


def test_helm_options():
    values = ChartValues((Path("a.yaml"), Path("b.yaml")), ("x=1",), ("y=2",))
    assert list(values.options()) == ["--values", "a.yaml", "--values", "b.yaml", "--set", "x=1", "--set-string", "y=2"]


@pytest.mark.parametrize(("text", "wanted"), [("90", 90), ("90s", 90), ("1.5m", 90), ("2h", 7200), ("1d", 86400)])
def test_duration(text: str, wanted: float):
    assert parse_duration(text) == wanted


@pytest.mark.parametrize("text", ["", "0", "0s", "-1", "soon", "5 minutes", "1w"])
def test_invalid_duration(text: str):
    with pytest.raises(typer.BadParameter, match="not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("statuses", "wanted"),
    [
        ((), None),
        (("deployed",), 1),
        (("failed",), None),
        (("superseded", "deployed"), 2),
        (("superseded", "failed", "pending-upgrade"), 1),
    ],
)
def test_last_completed_revision(statuses: tuple[str, ...], wanted: int | None):
    found = last_completed(revisions(*statuses))
    assert (found.number if found else None) == wanted
