from pathlib import Path

import pytest
import typer

from kuberay.cli.duration import seconds
from kuberay.helm import Revision, Values, last_done


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
def test_an_image(image: str, parts: tuple[str, str, str]):
    repository, tag, digest = parts
    assert Values().with_image(image).texts == (
        f"image.repository={repository}",
        f"image.tag={tag}",
        f"image.digest={digest}",
    )


def test_options_of_helm():
    values = Values((Path("a.yaml"), Path("b.yaml")), ("x=1",), ("y=2",))
    assert list(values.options()) == ["--values", "a.yaml", "--values", "b.yaml", "--set", "x=1", "--set-string", "y=2"]


@pytest.mark.parametrize(("text", "wanted"), [("90", 90), ("90s", 90), ("1.5m", 90), ("2h", 7200), ("1d", 86400)])
def test_a_duration(text: str, wanted: float):
    assert seconds(text) == wanted


@pytest.mark.parametrize("text", ["", "0", "0s", "-1", "soon", "5 minutes", "1w"])
def test_no_duration(text: str):
    with pytest.raises(typer.BadParameter, match="no duration"):
        seconds(text)


def revision(number: int, status: str) -> Revision:
    return Revision(number, status, "raylens-0.1.0", "0.1.0", "", "")


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
def test_the_last_revision_that_was_done(statuses: tuple[str, ...], wanted: int | None):
    found = last_done([revision(number, status) for number, status in enumerate(statuses, start=1)])
    assert (found.number if found else None) == wanted
