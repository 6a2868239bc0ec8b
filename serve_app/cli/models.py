"""``raylens models``: list, show, check, prepare and calibrate models."""

import json
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from models.artifacts import artifact_folder, ensure_artifact
from models.errors import ModelError, UnknownModelError
from models.labels import labels_of
from models.spec import ModelSpec, Transform
from models.zoo import ZOO, resolve_models
from serve_app.cli.calibrate import calibrate_command
from serve_app.cli.check import check_command
from serve_app.cli.options import JsonOption
from serve_app.settings import settings

app = typer.Typer(help="List, check, prepare and calibrate the models that can be served.", no_args_is_help=True)
app.command("calibrate", epilog="Example: raylens models calibrate efficientnet-lite0 photos")(calibrate_command)
app.command("check", epilog="Example: raylens models check flowers.keras rose.jpg tulip.jpg")(check_command)


@app.command("list", epilog="Example: raylens models list")
def list_models_command(as_json: JsonOption = False) -> None:
    """List all models and mark those that RAYLENS_MODELS serves."""
    served = _resolved(settings().models)
    specs = [*ZOO.values(), *(spec for spec in served if spec.name not in ZOO)]
    if as_json:
        typer.echo(json.dumps([_model_json(spec) for spec in specs]))
        return
    table = Table("name", "input", "parameters", "top-1", "prepared", "int8 agrees", "served", box=None)
    for spec in specs:
        fields = _model_json(spec)
        table.add_row(
            spec.name,
            _size(spec.transform),
            f"{spec.parameters / 1e6:.1f} M" if spec.parameters else "–",
            f"{spec.top1:.1%}" if spec.top1 else "–",
            "yes" if fields["prepared"] else "",
            f"{fields['int8']['agreement']:.1%}" if fields["int8"] else "",
            "yes" if spec in served else "",
        )
    Console().print(table)


@app.command("show", epilog="Example: raylens models show mobilenet")
def show_command(
    name: Annotated[str, typer.Argument(help="A name from `raylens models list`, or the path of a .keras file.")],
    as_json: JsonOption = False,
) -> None:
    """Show the properties of a model without loading it."""
    fields = _model_json(*_resolved([name]))
    if as_json:
        typer.echo(json.dumps(fields))
        return
    table = Table(box=None, show_header=False)
    for key, value in fields.items():
        table.add_row(key, "–" if value is None else str(value))
    Console().print(table)


@app.command("prepare", epilog="Example: raylens models prepare efficientnet-lite0 mobilenet")
def prepare_command(
    names: Annotated[
        list[str] | None, typer.Argument(help="Models to prepare; default: those of RAYLENS_MODELS.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch weights and build artifacts, so that the service starts within seconds and without a network.

    Exit status: 0 all models prepared, 1 at least one failed, 2 no such model.
    """
    specs = _resolved(names or settings().models)
    outcomes = _prepared(specs, settings().artifacts_dir, Console(stderr=True, quiet=as_json))
    if as_json:
        typer.echo(json.dumps([outcome.as_json() for outcome in outcomes]))
    failures = [outcome for outcome in outcomes if outcome.error]
    for failure in failures:
        typer.echo(f"Error: {failure.error}", err=True)
    if failures:
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True)
class _Outcome:
    name: str
    seconds: float
    artifact: Path | None = None
    error: str | None = None

    def as_json(self) -> dict[str, Any]:
        artifact = str(self.artifact) if self.artifact else None
        return {"name": self.name, "seconds": round(self.seconds, 3), "artifact": artifact, "error": self.error}


def _prepared(specs: list[ModelSpec], artifacts_dir: Path, console: Console) -> list[_Outcome]:
    columns = SpinnerColumn(finished_text=" "), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=console) as progress:
        tasks = [progress.add_task(spec.name, total=1, start=False) for spec in specs]
        outcomes = []
        for spec, task in zip(specs, tasks, strict=True):
            progress.start_task(task)
            progress.update(task, description=f"{spec.name}: preparing")
            outcome = _prepared_one(spec, artifacts_dir)
            end = "[red]failed[/]" if outcome.error else "[green]ready[/]"
            progress.update(task, description=f"{spec.name}: {end}", completed=1)
            outcomes.append(outcome)
    return outcomes


def _prepared_one(spec: ModelSpec, artifacts_dir: Path) -> _Outcome:
    start = time.monotonic()
    try:
        artifact = ensure_artifact(spec, artifacts_dir)
    except ModelError as error:
        return _Outcome(spec.name, time.monotonic() - start, error=str(error))
    return _Outcome(spec.name, time.monotonic() - start, artifact=artifact.parent)


def _model_json(spec: ModelSpec) -> dict[str, Any]:
    from models.quantization import read_report  # imports numpy

    calibration = read_report(spec, settings().artifacts_dir)
    return {
        "name": spec.name,
        "title": spec.title,
        "version": spec.version,
        "input_size": spec.transform.height,
        "input_shape": list(spec.transform.shape),
        "kind": spec.kind,
        "crop": round(spec.transform.crop, 4),
        "classes": len(labels_of(spec)),
        "parameters": spec.parameters,
        "top1": spec.top1,
        "license": spec.license,
        "prepared": artifact_folder(spec, settings().artifacts_dir).is_dir(),
        "int8": asdict(calibration) if calibration else None,
    }


def _size(transform: Transform) -> str:
    height, width, channels = transform.shape
    size = f"{height}²" if height == width else f"{height} × {width}"
    return size if channels == 3 else f"{size} grey"


def _resolved(names: Iterable[str]) -> list[ModelSpec]:
    try:
        return resolve_models(names, settings().models)
    except ModelError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(2 if isinstance(error, UnknownModelError) else 1) from None
