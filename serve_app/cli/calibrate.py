"""``raylens models calibrate``."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serve_app.cli.errors import CommandError, UsageError, exit_on_error
from serve_app.cli.options import JsonOption

if TYPE_CHECKING:
    from rich.console import Console

    from models.arrays import UInt8Array
    from models.quantization_report import QuantizationReport
    from models.spec import ModelSpec

_MIN_PHOTOS = 10
"""Of the photos to calibrate on, and of those to compare on."""


class InaccurateCalibration(CommandError):
    """int8 and fp32 agree too rarely."""

    exit_code = 5


def calibrate_command(
    name: Annotated[str, typer.Argument(help="A name from `raylens models list`, or the path of a .keras file.")],
    folder: Annotated[
        Path, typer.Argument(help="Some hundred photos like those to be classified; searched recursively.")
    ],
    *,
    holdout: Annotated[
        float, typer.Option(min=0.1, max=0.9, help="Fraction of the photos held out for the comparison.")
    ] = 0.5,
    compare_on: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Compare on these photos, and calibrate on all others.")
    ] = None,
    statistics: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the statistics and the comparison to a file.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Keep the result even if it agrees with fp32 too rarely.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Build the int8 version of a model from your photos, and compare it with fp32 on held-out ones.

    It replaces the int8 version that Raylens brings for EfficientNet-Lite.
    Exit status: 0 done, 1 calibration failed, 2 usage error, 5 int8 agrees with fp32 on less than 97 % of the photos
    and was discarded.
    """
    from rich.console import Console

    with exit_on_error():
        console = Console(stderr=True, quiet=as_json)
        outcome = _calibrated(name, folder, compare_on or holdout, statistics, force=force, console=console)
    if as_json:
        typer.echo(json.dumps(asdict(outcome)))
    else:
        _print(outcome)


def _calibrated(
    name: str, folder: Path, holdout: float | Path, statistics: Path | None, *, force: bool, console: "Console"
) -> "QuantizationReport":
    from models import quantization
    from models.activation_statistics import ActivationStatistics
    from models.errors import ModelError, QuantizationInaccurate, UnknownModelError
    from models.zoo import resolve_model
    from serve_app.settings import settings

    try:
        spec, artifacts_dir = resolve_model(name, settings().models), settings().artifacts_dir
        pixels, others = _split(folder, holdout, spec, console)
        with console.status(f"{spec.name} …") as status:
            report = quantization.quantize(
                spec,
                artifacts_dir,
                pixels,
                others,
                keep_inaccurate=force,
                on_progress=lambda what: status.update(f"{spec.name}: {what} …"),
            )
        if statistics:
            file = quantization.int8_folder(spec, artifacts_dir) / quantization.STATISTICS
            ActivationStatistics.read(file).without_speed().write(statistics)
        return report
    except QuantizationInaccurate as error:
        raise InaccurateCalibration(f"{error} Use --force to keep the result anyway.") from None
    except UnknownModelError as error:
        raise UsageError(str(error)) from None
    except ModelError as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        raise CommandError(f"{statistics} could not be written: {error.strerror or error}") from None


def _split(
    folder: Path, holdout: float | Path, spec: "ModelSpec", console: "Console"
) -> tuple["UInt8Array", "UInt8Array"]:
    """Photos to calibrate on and others to compare on. Raises UsageError if either are too few."""
    import numpy as np

    photos = _photos(folder, spec, console)
    digests = sorted(photos)  # an order that does not depend on the names of the files
    if isinstance(holdout, Path):
        compared = _photos(holdout, spec, console)
        chosen = [photos[digest] for digest in digests if digest not in compared]
        others = [compared[digest] for digest in sorted(compared)]
        few = (
            f"{len(chosen)} photos in {folder} that are not in {holdout}, or {len(others)} in the latter, are too few:"
        )
    else:
        cut = round(len(digests) * (1 - holdout))
        chosen, others = [photos[digest] for digest in digests[:cut]], [photos[digest] for digest in digests[cut:]]
        few = f"{len(digests)} distinct photos in {folder} are too few: with {holdout:.0%} held out,"
    if min(len(chosen), len(others)) < _MIN_PHOTOS:
        raise UsageError(f"{few} each side needs at least {_MIN_PHOTOS}. Some hundreds are better.")
    return np.stack(chosen), np.stack(others)


def _photos(folder: Path, spec: "ModelSpec", console: "Console") -> dict[str, "UInt8Array"]:
    """The distinct photos of a folder, uint8 (H, W, C), by the SHA-256 of their files.

    Raises UsageError if the folder contains no readable photo.
    """
    import hashlib

    from rich.progress import track

    from serve_app.cli.image_inputs import expand
    from serve_app.errors import RaylensError
    from serve_app.images.decoding import decode

    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder.")
    rows: dict[str, UInt8Array] = {}
    for source in track(expand([str(folder)]), "Reading photos", console=console, transient=True):
        try:
            data = source.read()
            rows[hashlib.sha256(data).hexdigest()] = decode(data, spec.transform)[1]
        except RaylensError as error:
            console.print(f"Skipped: {source.name}: {error}", markup=False, soft_wrap=True)
    if not rows:
        raise UsageError(f"{folder} contains no readable photo.")
    return rows


def _print(outcome: "QuantizationReport") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, show_header=False)
    table.add_row("calibrated on", f"{outcome.photos} photos")
    table.add_row("compared on", f"{outcome.compared_on} others")
    table.add_row("same top-1 as fp32", f"{outcome.agreement:.1%}")
    table.add_row("mean difference of the probability", f"{outcome.mean_difference:.4f}")
    if outcome.speedup is not None:
        table.add_row("throughput relative to fp32", f"{outcome.speedup:.2f}")
    Console().print(table)
    Console().print("To serve it, set precision to int8 in config/serve.yaml.")
