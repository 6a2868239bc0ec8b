"""The results of the growth benchmark as tables, for the terminal and the documentation."""

import statistics
from pathlib import Path
from typing import Final

from rich.console import Console

from benchmarks.goals import growth
from benchmarks.goals.report import rows as goal_rows
from benchmarks.growth import cluster
from benchmarks.growth.reads import TIMES, TOPS, Times
from benchmarks.growth.replicas import CONNECTIONS_PER_REPLICA, IMAGE_MS, Replicas
from benchmarks.growth.request_sizes import IMAGES_IN_FLIGHT, IMAGES_PER_REQUEST
from benchmarks.growth.results import GOAL_REPLICAS, GOAL_TOP, Growth
from benchmarks.results import Spread
from benchmarks.tables import DocsBlock, Rows, markdown_table, print_report

BLOCK: Final = DocsBlock("<!-- growth: written by make bench-growth ARGS=--docs -->", "<!-- end of growth -->")
IMAGE: Final = (
    "![Throughput with more replicas, latency with a full database, images per request](images/bench-growth.png)"
)
STAGES: Final = ("Ingress", "Preprocessor", "Classifier", "Results")
TOP: Final = next(iter(TOPS))


def replicas(found: Growth) -> Rows:
    stages = [f"{stage} ms" for stage in STAGES]
    heading = [
        "Classifiers",
        "images/s",
        "range",
        "of the model",
        "× one",
        "Ingress utilization",
        *stages,
        "total ms",
        "bottleneck",
    ]
    return [heading, *(_replicas(found, number) for number in range(len(found.replicas[0])))]


def _replicas(found: Growth, number: int) -> list[str]:
    run = found.replicas[0][number]
    rate = found.of_replicas(number, lambda each: each.run.images_per_s)
    stages = [
        found.of_replicas(number, lambda each, stage=stage: each.run.cpu_ms(stage)).median  # type: ignore[misc]
        for stage in STAGES
    ]
    total = found.of_replicas(number, lambda each: sum(each.run.cpu_ms(part) for part in each.run.components)).median
    limits = [each[number].limit(found.machine.cores) for each in found.replicas]
    return [
        str(run.replicas) if run.ideal else f"{run.replicas}, 0 ms model",
        *_rate(rate),
        f"{100 * rate.median / run.ideal:.0f} %" if run.ideal else "–",
        f"{found.to_one_replica(number).median:.2f}" if run.ideal else "–",
        f"{100 * found.of_replicas(number, lambda each: each.ingress_busy).median:.0f} %",
        *(f"{ms:.2f}" for ms in [*stages, total]),
        statistics.mode(limits),
    ]


def records(found: Growth, api: bool) -> Rows:
    """Milliseconds, median and p95, through the API or of the database alone."""
    held = [each.api if api else each.database for each in found.records]
    sizes = [_row_count(each.rows) for each in found.records]
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
        ["classifications", *(_row_count(each.rows) for each in found.records)],
        ["on disk, MB", *(f"{each.size_bytes / 1e6:,.0f}" for each in found.records)],
        ["bytes per classification", *(f"{each.size_bytes / each.rows:.0f}" for each in found.records)],
        ["time to fill, s", *(f"{each.fill_s:.0f}" for each in found.records)],
    ]


def requests(found: Growth) -> Rows:
    stages = [f"{stage} ms" for stage in STAGES]
    heading = ["images per request", "connections", "images/s", "range", "× one", "requests/s", "median ms", *stages]
    return [heading, *(_requests(found, count) for count in IMAGES_PER_REQUEST)]


def _requests(found: Growth, count: int) -> list[str]:
    stages = [
        found.of_requests(count, lambda run, stage=stage: run.cpu_ms(stage)).median  # type: ignore[misc]
        for stage in STAGES
    ]
    return [
        str(count),
        str(IMAGES_IN_FLIGHT // count),
        *_rate(found.of_requests(count, lambda run: run.images_per_s)),
        f"{found.to_single_images(count).median:.2f}",
        f"{found.of_requests(count, lambda run: run.load.images_per_s).median:.1f}",
        f"{found.of_requests(count, lambda run: run.load.median_ms).median:.0f}",
        *(f"{ms:.2f}" for ms in stages),
    ]


def tables(found: Growth) -> list[tuple[str, Rows]]:
    """Tables of all parts that were measured."""
    texts: list[tuple[str, Rows]] = []
    if found.replicas:
        texts.append((f"More Classifiers, {IMAGE_MS:g} ms per image", replicas(found)))
    if found.records:
        texts += [
            (f"More recorded classifications, {found.database}: median (p95)", records(found, api=True)),
            ("Without the API", records(found, api=False)),
            ("Size", sizes(found)),
        ]
    if found.requests:
        texts.append((f"More images per request, {IMAGES_IN_FLIGHT} in flight", requests(found)))
    if found.is_complete:
        texts += [
            (f"A cluster for {cluster.RATE:,.0f} images/s", cluster.deployments(found)),
            ("Bottlenecks", cluster.limits(found)),
        ]
    return texts


def notes(found: Growth) -> list[str]:
    texts = []
    if found.replicas:
        texts += _scaling(found)
    if found.records:
        fewest, most = (_row_count(found.records[at].rows) for at in (0, -1))
        api, alone = found.to_fewest(lambda each: each.api[TOP]), found.to_fewest(lambda each: each.database[TOP])
        texts.append(
            f"The Top 10 with {most} classifications takes {api:.2f} × as long as with {fewest} through the API, "
            f"{alone:.2f} × in the database alone (goal: at most {GOAL_TOP:g})."
        )
    if found.is_complete:
        texts += cluster.notes(found)
    return [*texts, *(f"Note: {warning}" for warning in found.warnings())]


def _scaling(found: Growth) -> list[str]:
    """Notes on the effect of more replicas and on the bottlenecks."""
    four = found.to_one_replica(2)
    eight = Spread.of([each[3].run.images_per_s / each[1].run.images_per_s for each in found.replicas])
    texts = [
        f"4 × the Classifiers: {_texts(four)} the throughput from 1 to 4, {_texts(eight)} from 2 to 8 "
        f"(goal: {GOAL_REPLICAS:g} until the Ingress or the cores are the bottleneck).",
    ]
    for number, of in ((3, f"with {IMAGE_MS:g} ms per image"), (4, "with a 0 ms model")):
        per_core = found.of_replicas(number, lambda each: each.run.images_per_core("Ingress"))
        rate = found.of_replicas(number, lambda each: each.run.images_per_s)
        per_used_core = found.of_replicas(number, _per_used_core)
        texts.append(
            f"One Ingress {of}: {per_core.median:.0f} requests/s per core, {1e3 / per_core.median:.2f} ms each. "
            f"All components: {rate.median:.0f} images/s, {per_used_core.median:.0f} per utilized core."
        )
    return texts


def _per_used_core(each: Replicas) -> float:
    return each.run.images_per_s / sum(each.run.cores(part) for part in each.run.components)


def caption(found: Growth) -> str:
    model = f"{found.model['name']} on {found.model['runtime']} in {found.model['precision']}; " if found.model else ""
    rounds = max(len(found.replicas), len(found.requests), 1)
    return (
        f"{model}{found.machine.cores} cores of {found.machine.cpu}; median of {rounds} rounds, {found.seconds:g} s "
        f"per run, {CONNECTIONS_PER_REPLICA} connections per Classifier; {TIMES} reads each; "
        f"load generator: {found.generator}; "
        f"Raylens {found.versions['raylens']}, Ray {found.versions['ray']}; {found.date[:10]}"
    )


def show(found: Growth, console: Console) -> None:
    goals = ("Goals", goal_rows(growth.findings(found)))
    print_report(console, [*tables(found), goals], caption(found), notes(found))


def write_into(page: Path, found: Growth) -> None:
    """Write the generated block of a Markdown page. Raises ValueError if the page lacks the markers."""
    sections = [text for title, rows in tables(found) for text in (f"**{title}**", markdown_table(rows))]
    bullets = "\n".join(f"- {note}" for note in notes(found))
    BLOCK.write(page, [caption(found) + ".", *sections, bullets, IMAGE])


def _times(times: Times) -> str:
    return f"{times.median:.1f} ({times.p95:.1f})"


def _row_count(rows: int) -> str:
    return f"{rows // 1_000_000} M" if rows >= 1_000_000 else f"{rows // 1000} k"


def _rate(spread: Spread) -> list[str]:
    return [f"{spread.median:.0f}", "" if spread.single else f"{spread.least:.0f}–{spread.greatest:.0f}"]


def _texts(spread: Spread) -> str:
    texts = f"{spread.median:.2f} ×"
    return texts if spread.single else f"{texts} ({spread.least:.2f}–{spread.greatest:.2f})"
