"""The figures as tables: on the terminal and in the documentation."""

from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from benchmarks.results import CASES, FULL_LOAD, HITS, Benchmark, Case, Spread

BEGIN: Final = "<!-- figures: written by make bench ARGS=--docs -->"
END: Final = "<!-- end of figures -->"
SMALL_MS: Final = 0.005

Rows = list[list[str]]
"""The first row is the heading."""


def throughput(benchmark: Benchmark) -> Rows:
    heading = ["", "images/s", "of the limit", "median ms", "p90 ms", "p99 ms", "mean batch", "client, cores"]
    limit = ["limit of the machine", _range(benchmark.limit(), 0), "100 %", *[""] * 5]
    return [heading, limit, *(_case(benchmark, case) for case in CASES)]


def _case(benchmark: Benchmark, case: Case) -> list[str]:
    def median(name: str) -> float:
        return benchmark.median(lambda each: float(getattr(each.runs[case.name].load, name)))

    share = benchmark.share(case)
    ratio = benchmark.hit_ratio()
    batch = benchmark.median(lambda each: each.runs[case.name].mean_batch)
    return [
        case.name,
        _range(benchmark.rate(case), 0),
        f"{ratio.median:.1f} × uncached" if case is HITS else f"{100 * share.median:.0f} %",
        *(f"{median(name):.1f}" for name in ("median_ms", "p90_ms", "p99_ms")),
        f"{batch:.1f}" if batch and not case.cached else "–",
        f"{median('client_cores'):.2f}",
    ]


def parts(benchmark: Benchmark) -> Rows:
    """CPU and memory of each part of the service."""
    heading = ["part", "processes", "CPU ms an image", "CPU ms a hit", "RSS MiB", "PSS MiB"]
    rows = [
        [name, *_part(benchmark, name)]
        for name in sorted(_names(benchmark), key=lambda name: -_cpu(benchmark, name, FULL_LOAD))
    ]
    totals = [f"{sum(_cpu(benchmark, name, case) for name in _names(benchmark)):.2f}" for case in (FULL_LOAD, HITS)]
    held = benchmark.rounds[-1].memory.values()
    pss = [part.pss_mib for part in held if part.pss_mib is not None]
    return [
        heading,
        *rows,
        ["all", str(sum(part.processes for part in held)), *totals, "", f"{sum(pss):.0f}" if pss else ""],
    ]


def _names(benchmark: Benchmark) -> list[str]:
    return list(benchmark.rounds[-1].memory)


def _part(benchmark: Benchmark, name: str) -> list[str]:
    held = benchmark.rounds[-1].memory[name]
    pss = "" if held.pss_mib is None else f"{held.pss_mib:.0f}"
    cpu = [_cpu(benchmark, name, case) for case in (FULL_LOAD, HITS)]
    return [str(held.processes), *(f"{ms:.2f}" if ms >= SMALL_MS else "–" for ms in cpu), f"{held.rss_mib:.0f}", pss]


def _cpu(benchmark: Benchmark, name: str, case: Case) -> float:
    return benchmark.median(lambda each: each.runs[case.name].cpu_ms_per_image.get(name, 0.0))


def caption(benchmark: Benchmark) -> str:
    machine, model = benchmark.machine, benchmark.model
    return (
        f"{model['name']} on {model['runtime']} in {model['precision']}; {benchmark.photos} photos of "
        f"{benchmark.photo_bytes / 1e3:.0f} KB; {machine.cores} cores of {machine.cpu}; "
        f"{len(benchmark.rounds)} rounds, {benchmark.seconds:g} s a run; load by {benchmark.generator}; "
        f"Raylens {benchmark.versions['raylens']}, "
        f"Ray {benchmark.versions['ray']}, OpenVINO {benchmark.versions['openvino']}; {benchmark.date[:10]}"
    )


def started(benchmark: Benchmark) -> str:
    seconds = _range(benchmark.spread(lambda each: each.start_s), 1)
    return f"From raylens serve to the first answer, with the model built before: {seconds} s"


def show(benchmark: Benchmark, console: Console) -> None:
    for title, rows in (
        ("Speed", throughput(benchmark)),
        ("Parts of the service, at 64 connections", parts(benchmark)),
    ):
        table = Table(title=title, title_justify="left")
        for number, heading in enumerate(rows[0]):
            table.add_column(heading, justify="left" if number == 0 else "right")
        for row in rows[1:]:
            table.add_row(*row)
        console.print(table)
    console.print(started(benchmark))
    console.print(caption(benchmark), style="dim")
    for warning in benchmark.warnings():
        console.print(f"! {warning}", style="yellow", markup=False)


def write_into(page: Path, benchmark: Benchmark) -> None:
    """Put the tables between the marks of a Markdown page. Raises ValueError where they are missing."""
    text = page.read_text()
    if BEGIN not in text or END not in text:
        raise ValueError(f"{page} has no place for the figures: {BEGIN} … {END}")
    before, _, rest = text.partition(BEGIN)
    figures = [
        caption(benchmark) + ".",
        _markdown(throughput(benchmark)),
        _markdown(parts(benchmark)),
        started(benchmark) + ".",
    ]
    figures += [f"Note: {warning}" for warning in benchmark.warnings()]
    page.write_text("\n\n".join([before + BEGIN, *figures, END + rest.partition(END)[2]]))


def _markdown(rows: Rows) -> str:
    heading, *body = rows
    ruler = ["---", *["---:"] * (len(heading) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (heading, ruler, *body))


def _range(spread: Spread, digits: int) -> str:
    """Median, and least to greatest where there was more than one round."""
    if spread.least == spread.greatest:
        return f"{spread.median:.{digits}f}"
    return f"{spread.median:.{digits}f} ({spread.least:.{digits}f}–{spread.greatest:.{digits}f})"
