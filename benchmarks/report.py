"""The figures as tables: on the terminal and in the documentation."""

from pathlib import Path
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.load import Load
from benchmarks.results import CASES, FULL_LOAD, HITS, Benchmark, Case, Spread

BEGIN: Final = "<!-- figures: written by make bench ARGS=--docs -->"
END: Final = "<!-- end of figures -->"
PICTURE: Final = "![Throughput as a share of the limit, latencies and cache hits](images/bench.png)"
SMALL_MS: Final = 0.005

Rows = list[list[str]]
"""The first row is the heading."""


def throughput(benchmark: Benchmark) -> Rows:
    heading = ["load", "images/s", "range", "of limit", "median ms", "p90 ms", "p99 ms", "batch"]
    limit = ["machine's limit", *_rate(benchmark.limit()), "100 %", *[""] * 4]
    return [heading, limit, *(_case(benchmark, case) for case in CASES)]


def _case(benchmark: Benchmark, case: Case) -> list[str]:
    def median(name: str) -> float:
        return benchmark.median(lambda each: float(getattr(each.runs[case.name].load, name)))

    batch = benchmark.median(lambda each: each.runs[case.name].mean_batch)
    return [
        case.name,
        *_rate(benchmark.rate(case)),
        "–" if case.cached else f"{100 * benchmark.share(case).median:.0f} %",
        *(f"{median(name):.1f}" for name in ("median_ms", "p90_ms", "p99_ms")),
        "–" if case.cached else f"{batch:.1f}",
    ]


def _rate(spread: Spread) -> list[str]:
    """Median, and least to greatest where there was more than one round."""
    return [f"{spread.median:.0f}", "" if spread.single else f"{spread.least:.0f}–{spread.greatest:.0f}"]


def parts(benchmark: Benchmark) -> Rows:
    """CPU and memory of each part of the service, and what the load generator took beside it."""
    heading = ["part", "processes", "CPU ms an image", "CPU ms a hit", "RSS MiB", "PSS MiB"]
    names = sorted(_names(benchmark), key=lambda name: -_cpu(benchmark, name, FULL_LOAD))
    totals = [sum(_cpu(benchmark, name, case) for name in names) for case in (FULL_LOAD, HITS)]
    held = benchmark.rounds[-1].memory.values()
    pss = [part.pss_mib for part in held if part.pss_mib is not None]
    everything = ["all", str(sum(part.processes for part in held)), *_ms(totals), "", f"{sum(pss):.0f}" if pss else ""]
    client = [_client(benchmark, case) for case in (FULL_LOAD, HITS)]
    beside = [f"beside it: {benchmark.generator}", "1", *_ms(client), "", ""]
    return [heading, *([name, *_part(benchmark, name)] for name in names), everything, beside]


def _client(benchmark: Benchmark, case: Case) -> float:
    """CPU milliseconds of the load generator for an image."""

    def ms(load: Load) -> float:
        return 1e3 * load.client_cores / load.images_per_s

    return benchmark.median(lambda each: ms(each.runs[case.name].load))


def _ms(values: list[float]) -> list[str]:
    return [f"{value:.2f}" if value >= SMALL_MS else "–" for value in values]


def _names(benchmark: Benchmark) -> list[str]:
    return list(benchmark.rounds[-1].memory)


def _part(benchmark: Benchmark, name: str) -> list[str]:
    held = benchmark.rounds[-1].memory[name]
    pss = "" if held.pss_mib is None else f"{held.pss_mib:.0f}"
    cpu = [_cpu(benchmark, name, case) for case in (FULL_LOAD, HITS)]
    return [str(held.processes), *_ms(cpu), f"{held.rss_mib:.0f}", pss]


def _cpu(benchmark: Benchmark, name: str, case: Case) -> float:
    return benchmark.median(lambda each: each.runs[case.name].cpu_ms_per_image.get(name, 0.0))


def caption(benchmark: Benchmark) -> str:
    machine, model = benchmark.machine, benchmark.model
    return (
        f"{model['name']} on {model['runtime']} in {model['precision']}; {benchmark.photos} photos of "
        f"{benchmark.photo_bytes / 1e3:.0f} KB; {machine.cores} cores of {machine.cpu}; "
        f"median of {len(benchmark.rounds)}, {benchmark.seconds:g} s a run; load by {benchmark.generator}; "
        f"Raylens {benchmark.versions['raylens']}, "
        f"Ray {benchmark.versions['ray']}, OpenVINO {benchmark.versions['openvino']}; {benchmark.date[:10]}"
    )


def remarks(benchmark: Benchmark) -> list[str]:
    start = benchmark.spread(lambda each: each.start_s)
    return [
        f"URL cache hits: {_told(benchmark.hit_ratio(), '×')} the rate of 64 connections with the cache off.",
        f"With a user's token: {_told(benchmark.token_ratio(), '×', 2)} the rate of hits without.",
        f"From raylens serve to the first answer, with the model built before: {_told(start, 's')}.",
        *(f"Note: {warning}" for warning in benchmark.warnings()),
    ]


def show(benchmark: Benchmark, console: Console) -> None:
    for title, rows in (
        ("Speed", throughput(benchmark)),
        ("Parts of the service, at 64 connections", parts(benchmark)),
    ):
        console.print(table(title, rows))
    console.print(caption(benchmark), style="dim")
    for remark in remarks(benchmark):
        console.print(remark, style="yellow" if remark.startswith("Note") else None, markup=False)


def table(title: str, rows: Rows) -> Table:
    """For the terminal."""
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), collapse_padding=True)
    for number, heading in enumerate(rows[0]):
        table.add_column(heading, justify="left" if number == 0 else "right", no_wrap=number == 0)
    for row in rows[1:]:
        table.add_row(*row)
    return table


def write_into(page: Path, benchmark: Benchmark) -> None:
    """Put the tables between the marks of a Markdown page. Raises ValueError where they are missing."""
    tables = [markdown(throughput(benchmark)), markdown(parts(benchmark))]
    replace_figures(page, BEGIN, [caption(benchmark) + ".", *tables, *remarks(benchmark), PICTURE])


def replace_figures(page: Path, begin: str, figures: list[str], end: str = END) -> None:
    """Put paragraphs between two marks of a Markdown page. Raises ValueError where they are missing."""
    text = page.read_text()
    if begin not in text or end not in text:
        raise ValueError(f"{page} has no place for the figures: {begin} … {end}")
    before, _, rest = text.partition(begin)
    page.write_text("\n\n".join([before + begin, *figures, end + rest.partition(end)[2]]))


def markdown(rows: Rows) -> str:
    heading, *body = rows
    ruler = ["---", *["---:"] * (len(heading) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (heading, ruler, *body))


def _told(spread: Spread, unit: str, digits: int = 1) -> str:
    told = f"{spread.median:.{digits}f} {unit}"
    return told if spread.single else f"{told} ({spread.least:.{digits}f}–{spread.greatest:.{digits}f})"
