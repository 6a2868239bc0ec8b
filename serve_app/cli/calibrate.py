"""``raylens models calibrate``."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serve_app.cli.failure import Failure, WrongUsage, one_line

if TYPE_CHECKING:
    from rich.console import Console

    from models.arrays import UInt8Array
    from models.quantization_report import QuantizationReport
    from models.spec import ModelSpec

LEAST_PHOTOS = 10
"""To calibrate on, and as many to compare on."""


class Inaccurate(Failure):
    """int8 agrees with fp32 too seldom."""

    exit_code = 5


def calibrate(
    name: Annotated[str, typer.Argument(help="A name from `raylens models list`, or the path of a .keras file.")],
    folder: Annotated[Path, typer.Argument(help="Photos such as will be sent, some hundreds; searched to the bottom.")],
    *,
    holdout: Annotated[
        float, typer.Option(min=0.1, max=0.9, help="Share of the photos to compare on, not to calibrate on.")
    ] = 0.5,
    force: Annotated[bool, typer.Option("--force", help="Keep it even if it agrees with fp32 too seldom.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of a table.")] = False,
) -> None:
    """Make the int8 form of a model, and tell how it compares with fp32 on photos it was not calibrated on.

    Exit status: 0 it is there, 1 it could not be made, 2 wrong usage, 5 it agrees with fp32 on less than 97 % of the
    photos, so nothing was kept.
    """
    from rich.console import Console

    with one_line():
        outcome = _calibrated(name, folder, holdout, force, Console(stderr=True, quiet=as_json))
    if as_json:
        typer.echo(json.dumps(asdict(outcome)))
    else:
        _print(outcome)


def _calibrated(name: str, folder: Path, holdout: float, force: bool, console: "Console") -> "QuantizationReport":
    from models import quantization
    from models.errors import ModelError, QuantizationInaccurate, UnknownModelError
    from models.zoo import resolve_model
    from serve_app.settings import settings

    try:
        spec = resolve_model(name)
        quantization.check_quantizer()
        pixels = _pixels(folder, spec, console)
        cut = round(len(pixels) * (1 - holdout))
        if min(cut, len(pixels) - cut) < LEAST_PHOTOS:
            raise WrongUsage(_too_few(folder, len(pixels), holdout))
        with console.status(f"{spec.name} …") as status:
            return quantization.quantize(
                spec,
                settings().artifacts_dir,
                pixels[:cut],
                pixels[cut:],
                keep_inaccurate=force,
                on_progress=lambda what: status.update(f"{spec.name}: {what} …"),
            )
    except QuantizationInaccurate as error:
        raise Inaccurate(f"{error} --force keeps it all the same.") from None
    except UnknownModelError as error:
        raise WrongUsage(str(error)) from None
    except ModelError as error:
        raise Failure(str(error)) from None


def _pixels(folder: Path, spec: "ModelSpec", console: "Console") -> "UInt8Array":
    """Each photo once, however often it is there, in an order that has nothing to do with names.

    Raises WrongUsage where no file of the folder is a photo that can be read.
    """
    import hashlib

    import numpy as np
    from rich.progress import track

    from serve_app.cli.sources import expand
    from serve_app.errors import RaylensError
    from serve_app.images.decoding import decode

    if not folder.is_dir():
        raise WrongUsage(f"{folder} is no folder.")
    rows: dict[str, UInt8Array] = {}
    for source in track(expand([str(folder)]), "Reading photos", console=console, transient=True):
        try:
            data = source.read()
            rows[hashlib.sha256(data).hexdigest()] = decode(data, spec.transform)[1]
        except RaylensError as error:
            console.print(f"Left out: {source.name}: {error}", markup=False)
    if not rows:
        raise WrongUsage(f"None of the files in {folder} is a photo that can be read.")
    return np.stack([rows[digest] for digest in sorted(rows)])


def _too_few(folder: Path, photos: int, holdout: float) -> str:
    return (
        f"{photos} different photos in {folder} are too few: of {holdout:.0%} held out and the rest, each must be "
        f"{LEAST_PHOTOS} at least. Some hundreds are better."
    )


def _print(outcome: "QuantizationReport") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, show_header=False)
    table.add_row("calibrated on", f"{outcome.photos} photos")
    table.add_row("compared on", f"{outcome.compared_on} others")
    table.add_row("same top-1 as fp32", f"{outcome.agreement:.1%}")
    table.add_row("mean difference of its probability", f"{outcome.mean_difference:.4f}")
    table.add_row("images a second, fp32 = 1", f"{outcome.speedup:.2f}")
    Console().print(table)
    Console().print("To serve with it, set precision to int8 in config/serve.yaml.")
