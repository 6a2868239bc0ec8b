"""``raylens models check``."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serve_app.cli.errors import CommandError, UsageError, exit_on_error
from serve_app.cli.options import JsonOption

if TYPE_CHECKING:
    from rich.console import Console

    from models.arrays import UInt8Array
    from models.runtime_check import RuntimeComparison
    from models.spec import ModelSpec


class RuntimesDisagree(CommandError):
    """OpenVINO and TensorFlow return different probabilities."""

    exit_code = 5


def check_command(
    file: Annotated[
        str, typer.Argument(help="The path of a .keras or .h5 file, or a name from `raylens models list`.")
    ],
    photos: Annotated[
        list[str] | None,
        typer.Argument(metavar="PHOTO…", help="Photos to compare the runtimes on; default: generated pictures."),
    ] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Show what was detected in a model file, run it on both runtimes and compare them.

    Shows what the model takes and returns, and why, its labels, and warnings about assumptions that may be wrong.

    Exit status: 0 the model can be served, 1 it cannot, 2 usage error, 5 the runtimes disagree.
    """
    from rich.console import Console

    with exit_on_error(), os.fdopen(os.dup(2), "w") as terminal:
        report, comparison = _checked(file, photos or [], Console(file=terminal, quiet=as_json))
        if as_json:
            typer.echo(json.dumps(report, ensure_ascii=False))
        else:
            _print(report)
        if not comparison.agree:
            raise RuntimesDisagree(
                f"OpenVINO and TensorFlow differ by up to {comparison.largest_difference:.3g}; serve it with "
                "classifier.runtime: tensorflow in config/serve.yaml."
            )


def _checked(file: str, photos: list[str], console: "Console") -> "tuple[dict[str, Any], RuntimeComparison]":
    from models.errors import ModelError, UnknownModelError
    from models.labels import labels_of
    from models.runtime_check import compare_runtimes, generated_pictures, range_warning
    from models.zoo import resolve_model
    from serve_app.settings import settings

    try:
        spec = resolve_model(file, settings().models)
        pixels = _pixels(photos, spec) if photos else generated_pictures(spec.transform)
        with console.status("Running the model on OpenVINO and TensorFlow …"), _without_log_of_tensorflow():
            comparison = compare_runtimes(spec, pixels, settings().artifacts_dir)
            doubt = range_warning(spec, pixels)
    except UnknownModelError as error:
        raise UsageError(str(error)) from None
    except ModelError as error:
        raise CommandError(str(error)) from None
    labels = labels_of(spec)
    findings = spec.findings
    warnings = [*(findings.warnings if findings else ()), *([doubt] if doubt else []), *labels.warnings]
    predictions = [
        {labels.name(int(index)): round(float(row[index]), 6) for index in row.argsort()[::-1][:3]}
        for row in comparison.probabilities
    ]
    report = {
        "name": spec.name,
        "file": spec.reference,
        "version": spec.version,
        "input_shape": list(spec.transform.shape),
        "crop": round(spec.transform.crop, 4),
        "resize": "stretch" if spec.transform.stretch else "crop",
        "pixels": findings.pixels if findings else "as the model was trained",
        "kind": spec.kind,
        "outputs": findings.outputs if findings else f"{spec.kind}, probabilities",
        "labels": str(spec.labels) if spec.labels else "ImageNet",
        "classes": [labels.name(index) for index in range(len(labels))],
        "photos": photos or ["generated"],
        "predictions": predictions,
        "largest_difference": comparison.largest_difference,
        "runtimes_agree": comparison.agree,
        "warnings": warnings,
    }
    return report, comparison


@contextmanager
def _without_log_of_tensorflow() -> Iterator[None]:
    """TensorFlow logs to the descriptor of standard error, whatever its log level is, while it is imported."""
    sys.stderr.flush()
    original = os.dup(2)
    with Path(os.devnull).open("w") as nothing:
        os.dup2(nothing.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(original, 2)
        os.close(original)


def _pixels(photos: list[str], spec: "ModelSpec") -> "UInt8Array":
    """The photos as the model takes them. Raises UsageError for one that cannot be read."""
    import numpy as np

    from serve_app.cli.image_inputs import expand
    from serve_app.errors import RaylensError
    from serve_app.images.decoding import decode

    rows = []
    for photo in expand(photos):
        if photo.is_url:
            raise UsageError(f"{photo.name} is a URL; download the photo first.")
        try:
            rows.append(decode(photo.read(), spec.transform)[1])
        except RaylensError as error:
            raise UsageError(f"{photo.name}: {error}") from None
    return np.stack(rows)


def _print(report: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    height, width, channels = report["input_shape"]
    fit = "stretched" if report["resize"] == "stretch" else f"the middle {report['crop']:.0%}"
    names = report["classes"]
    shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    rows = {
        "model": f"{report['name']}, version {report['version']}",
        "input": f"{height} × {width} {'grey' if channels == 1 else 'RGB'}, {fit}",
        "pixel values": report["pixels"],
        "outputs": report["outputs"],
        "labels": f"{report['labels']}: {shown}",
        "OpenVINO and TensorFlow": f"differ by at most {report['largest_difference']:.2g}",
    }
    table = Table(box=None, show_header=False)
    for key, value in rows.items():
        table.add_row(key, Text(value, overflow="fold"))
    for photo, prediction in zip(report["photos"], report["predictions"], strict=False):
        table.add_row(Text(photo, overflow="fold"), ", ".join(f"{name} {p:.1%}" for name, p in prediction.items()))
    Console().print(table)
    for warning in report["warnings"]:
        Console(stderr=True, highlight=False).print(f"[yellow]Warning:[/] {escape(warning)}", soft_wrap=True)
