"""Command of the comparison: ``python -m benchmarks.peers.run``, or ``make bench-compare``."""

import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import limit, load
from benchmarks.command import DOCS, HELP_OPTIONS, RESULTS, ROOT, console
from benchmarks.load import LoadFailed
from benchmarks.peers import charts, measuring, report
from benchmarks.peers.catalogue import NAMES, PEERS, Peer
from benchmarks.peers.environment import NotInstalled, python_of, version_in
from benchmarks.peers.measuring import Installed, Plan
from benchmarks.peers.pixels import digest, digest_in
from benchmarks.peers.request_format import BODY
from benchmarks.peers.results import RATES, RAYLENS, Comparison, Round, Subject
from benchmarks.peers.sizes import PHOTO, Photos
from benchmarks.peers.systems import Workloads
from benchmarks.photos import NotEnoughPhotos
from benchmarks.results import Machine
from benchmarks.service import DEFAULT_MODEL, Service, ServiceFailed
from models.errors import ModelError
from serve_app import VERSION

SOME_LEFT_OUT: Final = 3
QUICK_RATES: Final = (0.3, 0.6)

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

Step = Callable[[str], None]


@app.command(context_settings=HELP_OPTIONS)
def compare(
    *,
    only: Annotated[
        str, typer.Option(metavar="NAMES", help=f"Peers, separated by commas: {', '.join(NAMES)}.")
    ] = ",".join(NAMES),
    rounds: Annotated[int, typer.Option(min=1, help="Number of rounds; each measures all systems in turn.")] = 3,
    seconds: Annotated[float, typer.Option(min=1, max=60, help="Length of each run.")] = 10.0,
    workers: Annotated[int, typer.Option(min=0, help="Workers of each peer; 0 for one more than cores.")] = 0,
    threads: Annotated[int, typer.Option(min=1, help="Threads per model call of a peer.")] = 1,
    quick: Annotated[bool, typer.Option("--quick", help="One round of short runs as a smoke test.")] = False,
    results: Annotated[Path, typer.Option(file_okay=False, help="Folder for compare.json and compare.png.")] = RESULTS,
    earlier: Annotated[
        Path | None,
        typer.Option(
            "--from", exists=True, dir_okay=False, help="Show the results of an earlier run instead of measuring."
        ),
    ] = None,
    docs: Annotated[bool, typer.Option("--docs", help="Also update the tables and the chart in docs/.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the JSON, not the tables.")] = False,
) -> None:
    """Compare Raylens with other serving systems: same model, photos and machine, one system at a time.

    The first run installs the systems in .raylens/peers and downloads about 3 GB. Close other programs first.
    Exit status: 0 success; 1 failure; 2 invalid arguments; 3 success, but some systems were left out.

    Example: python -m benchmarks.peers.run --only triton,litserve --rounds 5
    """
    peers = _asked_for(only)
    rounds, seconds = (1, 3.0) if quick else (rounds, seconds)
    try:
        found = (
            Comparison.read(earlier) if earlier else _measure(peers, rounds, seconds, (workers, threads), quick=quick)
        )
    except (ServiceFailed, LoadFailed, NotEnoughPhotos, ModelError, RuntimeError, ValueError) as error:
        console.print(f"Benchmark failed: {error}", style="red", markup=False)
        raise typer.Exit(1) from None
    if not earlier:
        results.mkdir(parents=True, exist_ok=True)
        (results / "compare.json").write_text(json.dumps(found.as_dict(), indent=1) + "\n")
        charts.draw(found, results / "compare.png")
    if docs:
        charts.draw(found, DOCS / "images" / "bench-compare.png")
        report.write_into(DOCS / "comparison.md", found)
    if as_json:
        print(json.dumps(found.as_dict()))
    else:
        report.show(found, Console(highlight=False))
    raise typer.Exit(SOME_LEFT_OUT if found.left_out else 0)


def _asked_for(only: str) -> list[Peer]:
    names = [name.strip() for name in only.split(",") if name.strip()]
    if unknown := [name for name in names if name not in NAMES]:
        raise typer.BadParameter(
            f"{', '.join(unknown)} is unknown; expected some of {', '.join(NAMES)}.", param_hint="--only"
        )
    return [peer for peer in PEERS if peer.name in names]


def _measure(peers: list[Peer], rounds: int, seconds: float, parallel: tuple[int, int], *, quick: bool) -> Comparison:
    """``parallel``: workers and threads of the peers."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress, ExitStack() as stack:
        task = progress.add_task("Preparing photos and model", total=rounds)

        def step(what: str) -> None:
            progress.update(task, description=what)

        Service.build_model()
        photos = Photos.create(16, 4) if quick else Photos.create()
        rates = QUICK_RATES if quick else RATES
        plan = Plan(
            photos, Workloads(photos, stack), measuring.selected_model(DEFAULT_MODEL), seconds, rates, *parallel
        )
        installed = [ready for each in peers if (ready := _installed(each, plan, step))]
        found: list[Round] = []
        for number in range(1, rounds + 1):
            found.append(
                measuring.measure(plan, installed, lambda what, number=number: step(f"Round {number}: {what}"))  # type: ignore[misc]
            )
            progress.advance(task)
    return _comparison(plan, installed, found)


def _installed(peer: Peer, plan: Plan, step: Step) -> Installed | None:
    """Install a peer; None if it cannot be used, with the reason in ``plan.left_out``."""
    step(f"{peer.title}: installing")
    try:
        python = python_of(peer.environment)
        version = version_in(python, peer.distribution)
    except NotInstalled as error:
        plan.left_out[peer.title] = str(error)
        return None
    sent, files = plan.workloads.of("", BODY)[PHOTO], plan.photos.files[PHOTO]
    if digest_in(python, ROOT, sent.folder, sent.bodies, plan.model["name"]) != digest(files, plan.model["name"]):
        plan.left_out[peer.title] = "its environment decodes the photos to different pixels than Raylens."
        return None
    return Installed(peer, python, version)


def _comparison(plan: Plan, installed: list[Installed], rounds: list[Round]) -> Comparison:
    runtime, precision = plan.model["runtime"], plan.model["precision"]
    ours = Subject(RAYLENS, "Raylens", f"raylens {VERSION}", "OpenVINO", "adaptive", BODY.description, None)
    theirs = [
        Subject(
            name=each.peer.name,
            title=each.peer.title,
            version=f"{each.peer.distribution} {each.version}",
            engine=each.peer.engine,
            batching=each.peer.batching,
            request_format=each.peer.request_format.description,
            agreement=plan.agreements[each.peer.name],
        )
        for each in installed
        if any(each.peer.name in round_.systems for round_ in rounds)
    ]
    return Comparison(
        machine=Machine.here(len(limit.cores())),
        generator=load.generator(),
        seconds=plan.seconds,
        model={"name": plan.model["name"], "runtime": runtime, "precision": precision},
        workers=measuring.terms(plan).workers,
        threads=plan.threads,
        photo_bytes=plan.photos.mean_bytes(),
        subjects=[ours, *theirs],
        rounds=rounds,
        left_out=plan.left_out,
    )


if __name__ == "__main__":
    app()
