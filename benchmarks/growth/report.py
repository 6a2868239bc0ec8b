"""The figures of growth as tables: on the terminal and in the documentation."""

import statistics
from pathlib import Path
from typing import Final

from rich.console import Console

from benchmarks.growth import cluster
from benchmarks.growth.bundles import BUNDLES, UNDER_WAY
from benchmarks.growth.reads import TIMES, TOPS, Times
from benchmarks.growth.replicas import A_REPLICA, IMAGE_MS, Replicas
from benchmarks.growth.results import GOAL_REPLICAS, GOAL_TOP, Growth
from benchmarks.report import Rows, markdown, replace_figures, table
from benchmarks.results import Spread

BEGIN: Final = "<!-- growth: written by make bench-growth ARGS=--docs -->"
END: Final = "<!-- end of growth -->"
PICTURE: Final = "![Throughput of more replicas, times of a full database, images a request](images/bench-growth.png)"
STAGES: Final = ("Ingress", "Preprocessor", "Classifier", "Results")
TOP: Final = next(iter(TOPS))


def replicas(found: Growth) -> Rows:
    stages = [f"{stage} ms" for stage in STAGES]
    heading = ["Classifiers", "images/s", "range", "of the model", "× one", "ingress busy", *stages, "all ms", "limit"]
    return [heading, *(_replicas(found, number) for number in range(len(found.replicas[0])))]


def _replicas(found: Growth, number: int) -> list[str]:
    run = found.replicas[0][number]
    rate = found.of_replicas(number, lambda each: each.run.images_per_s)
    stages = [
        found.of_replicas(number, lambda each, stage=stage: each.run.cpu_ms(stage)).median  # type: ignore[misc]
        for stage in STAGES
    ]
    everything = found.of_replicas(number, lambda each: sum(each.run.cpu_ms(part) for part in each.run.parts)).median
    limits = [each[number].limit(found.machine.cores) for each in found.replicas]
    return [
        str(run.replicas) if run.ideal else f"{run.replicas}, model of 0 ms",
        *_rate(rate),
        f"{100 * rate.median / run.ideal:.0f} %" if run.ideal else "–",
        f"{found.to_one_replica(number).median:.2f}" if run.ideal else "–",
        f"{100 * found.of_replicas(number, lambda each: each.ingress_busy).median:.0f} %",
        *(f"{ms:.2f}" for ms in [*stages, everything]),
        statistics.mode(limits),
    ]


def records(found: Growth, api: bool) -> Rows:
    """Milliseconds, median and p95. ``api``: through it, else of the database alone."""
    held = [each.api if api else each.database for each in found.records]
    sizes = [_rows_told(each.rows) for each in found.records]
    heading = ["API, ms" if api else "database alone, ms", *sizes, f"{sizes[-1]} ÷ {sizes[0]}"]
    return [
        heading,
        *(
            [name, *(_times(each[name]) for each in held), f"{held[-1][name].median / held[0][name].median:.2f}"]
            for name in held[0]
        ),
    ]


def sizes(found: Growth) -> Rows:
    return [
        ["classifications", *(_rows_told(each.rows) for each in found.records)],
        ["on disk, MB", *(f"{each.size_bytes / 1e6:,.0f}" for each in found.records)],
        ["bytes each", *(f"{each.size_bytes / each.rows:.0f}" for each in found.records)],
        ["filled in, s", *(f"{each.fill_s:.0f}" for each in found.records)],
    ]


def requests(found: Growth) -> Rows:
    stages = [f"{stage} ms" for stage in STAGES]
    heading = ["images a request", "connections", "images/s", "range", "× one", "requests/s", "median ms", *stages]
    return [heading, *(_requests(found, bundle) for bundle in BUNDLES)]


def _requests(found: Growth, bundle: int) -> list[str]:
    stages = [
        found.of_requests(bundle, lambda run, stage=stage: run.cpu_ms(stage)).median  # type: ignore[misc]
        for stage in STAGES
    ]
    return [
        str(bundle),
        str(UNDER_WAY // bundle),
        *_rate(found.of_requests(bundle, lambda run: run.images_per_s)),
        f"{found.to_single_images(bundle).median:.2f}",
        f"{found.of_requests(bundle, lambda run: run.load.images_per_s).median:.1f}",
        f"{found.of_requests(bundle, lambda run: run.load.median_ms).median:.0f}",
        *(f"{ms:.2f}" for ms in stages),
    ]


def tables(found: Growth) -> list[tuple[str, Rows]]:
    """Of what was measured."""
    told: list[tuple[str, Rows]] = []
    if found.replicas:
        told.append((f"More Classifiers, {IMAGE_MS:g} ms an image", replicas(found)))
    if found.records:
        told += [
            (f"More classifications recorded, {found.database}: median (p95)", records(found, api=True)),
            ("The same without the API", records(found, api=False)),
            ("Size", sizes(found)),
        ]
    if found.requests:
        told.append((f"More images a request, {UNDER_WAY} under way", requests(found)))
    if found.is_whole:
        told += [
            (f"A cluster for {cluster.RATE:,.0f} images/s", cluster.deployments(found)),
            ("What breaks first", cluster.limits(found)),
        ]
    return told


def remarks(found: Growth) -> list[str]:
    told = []
    if found.replicas:
        told += _scaling(found)
    if found.records:
        fewest, most = (_rows_told(found.records[at].rows) for at in (0, -1))
        api, alone = found.to_fewest(lambda each: each.api[TOP]), found.to_fewest(lambda each: each.database[TOP])
        told.append(
            f"The Top 10 with {most} classifications takes {api:.2f} × its time with {fewest} through the API, "
            f"{alone:.2f} × in the database alone (goal: {GOAL_TOP:g} at most)."
        )
    if found.is_whole:
        told += cluster.remarks(found)
    return [*told, *(f"Note: {warning}" for warning in found.warnings())]


def _scaling(found: Growth) -> list[str]:
    """Of 4 × the replicas, and of the limits that were met."""
    four = found.to_one_replica(2)
    eight = Spread.of([each[3].run.images_per_s / each[1].run.images_per_s for each in found.replicas])
    told = [
        f"4 × the Classifiers: {_told(four)} the throughput from 1 to 4, {_told(eight)} from 2 to 8 "
        f"(goal: {GOAL_REPLICAS:g} until the ingress or the cores are the limit).",
    ]
    for number, of in ((3, f"with {IMAGE_MS:g} ms an image"), (4, "with a model that takes no time")):
        a_core = found.of_replicas(number, lambda each: each.run.images_per_core("Ingress"))
        rate = found.of_replicas(number, lambda each: each.run.images_per_s)
        a_machine_core = found.of_replicas(number, _per_busy_core)
        told.append(
            f"The limit of one Ingress {of}: {a_core.median:.0f} requests/s a core, {1e3 / a_core.median:.2f} ms each. "
            f"The whole chain: {rate.median:.0f} images/s, {a_machine_core.median:.0f} for each core it kept busy."
        )
    return told


def _per_busy_core(each: Replicas) -> float:
    return each.run.images_per_s / sum(each.run.cores(part) for part in each.run.parts)


def caption(found: Growth) -> str:
    model = f"{found.model['name']} on {found.model['runtime']} in {found.model['precision']}; " if found.model else ""
    rounds = max(len(found.replicas), len(found.requests), 1)
    return (
        f"{model}{found.machine.cores} cores of {found.machine.cpu}; median of {rounds}, {found.seconds:g} s a run, "
        f"{A_REPLICA} connections a Classifier; {TIMES} reads each; load by {found.generator}; "
        f"Raylens {found.versions['raylens']}, Ray {found.versions['ray']}; {found.date[:10]}"
    )


def show(found: Growth, console: Console) -> None:
    for title, rows in tables(found):
        console.print(table(title, rows))
    console.print(caption(found), style="dim")
    for remark in remarks(found):
        console.print(remark, style="yellow" if remark.startswith("Note") else None, markup=False)


def write_into(page: Path, found: Growth) -> None:
    """Put the tables between the marks of a Markdown page. Raises ValueError where they are missing."""
    parts = [part for title, rows in tables(found) for part in (f"**{title}**", markdown(rows))]
    notes = "\n".join(f"- {remark}" for remark in remarks(found))
    replace_figures(page, BEGIN, [caption(found) + ".", *parts, notes, PICTURE], END)


def _times(times: Times) -> str:
    return f"{times.median:.1f} ({times.p95:.1f})"


def _rows_told(rows: int) -> str:
    return f"{rows // 1_000_000} M" if rows >= 1_000_000 else f"{rows // 1000} k"


def _rate(spread: Spread) -> list[str]:
    return [f"{spread.median:.0f}", "" if spread.single else f"{spread.least:.0f}–{spread.greatest:.0f}"]


def _told(spread: Spread) -> str:
    told = f"{spread.median:.2f} ×"
    return told if spread.single else f"{told} ({spread.least:.2f}–{spread.greatest:.2f})"
