"""The results of the benchmark as tables, for the terminal and the documentation."""

from pathlib import Path
from typing import Final

from rich.console import Console

from benchmarks.load import Load
from benchmarks.results import CASES, FULL_LOAD, HITS, Benchmark, Case, Spread
from benchmarks.tables import DocsBlock, Rows, markdown_table, print_report

BLOCK: Final = DocsBlock("<!-- figures: written by make bench ARGS=--docs -->", "<!-- end of figures -->")
IMAGE: Final = "![Throughput as a share of the limit, latencies and cache hits](images/bench.png)"
SMALL_MS: Final = 0.005


def throughput(benchmark: Benchmark) -> Rows:
    heading = ["load", "images/s", "range", "share of limit", "median ms", "p90 ms", "p99 ms", "mean batch"]
    limit = ["hardware limit", *_rate(benchmark.limit()), "100 %", *[""] * 4]
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
    """Median, and minimum to maximum if there was more than one round."""
    return [f"{spread.median:.0f}", "" if spread.single else f"{spread.least:.0f}–{spread.greatest:.0f}"]


def processes(benchmark: Benchmark) -> Rows:
    """CPU time and memory of each component of the service, and of the load generator."""
    heading = ["component", "processes", "CPU ms per image", "CPU ms per hit", "RSS MiB", "PSS MiB"]
    names = sorted(_names(benchmark), key=lambda name: -_cpu(benchmark, name, FULL_LOAD))
    totals = [sum(_cpu(benchmark, name, case) for name in names) for case in (FULL_LOAD, HITS)]
    held = benchmark.rounds[-1].memory.values()
    pss = [component.pss_mib for component in held if component.pss_mib is not None]
    total = [
        "total",
        str(sum(component.processes for component in held)),
        *_ms(totals),
        "",
        f"{sum(pss):.0f}" if pss else "",
    ]
    client = [_client(benchmark, case) for case in (FULL_LOAD, HITS)]
    generator = [f"load generator: {benchmark.generator}", "1", *_ms(client), "", ""]
    return [heading, *([name, *_component(benchmark, name)] for name in names), total, generator]


def _client(benchmark: Benchmark, case: Case) -> float:
    """CPU milliseconds of the load generator per image."""

    def ms(load: Load) -> float:
        return 1e3 * load.client_cores / load.images_per_s

    return benchmark.median(lambda each: ms(each.runs[case.name].load))


def _ms(values: list[float]) -> list[str]:
    return [f"{value:.2f}" if value >= SMALL_MS else "–" for value in values]


def _names(benchmark: Benchmark) -> list[str]:
    return list(benchmark.rounds[-1].memory)


def _component(benchmark: Benchmark, name: str) -> list[str]:
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
        f"median of {len(benchmark.rounds)} rounds, {benchmark.seconds:g} s per run; "
        f"load generator: {benchmark.generator}; "
        f"Raylens {benchmark.versions['raylens']}, "
        f"Ray {benchmark.versions['ray']}, OpenVINO {benchmark.versions['openvino']}; {benchmark.date[:10]}"
    )


def notes(benchmark: Benchmark) -> list[str]:
    start = benchmark.spread(lambda each: each.start_s)
    return [
        f"URL cache hits: {_text(benchmark.hit_ratio(), '×')} the throughput of 64 connections without the cache.",
        f"With a user's token: {_text(benchmark.token_ratio(), '×', 2)} the throughput of hits without a token.",
        f"From `raylens serve` to the first response, with a prepared model: {_text(start, 's')}.",
        *(f"Note: {warning}" for warning in benchmark.warnings()),
    ]


def show(benchmark: Benchmark, console: Console) -> None:
    tables = [("Speed", throughput(benchmark)), ("Processes, at 64 connections", processes(benchmark))]
    print_report(console, tables, caption(benchmark), notes(benchmark))


def write_into(page: Path, benchmark: Benchmark) -> None:
    """Write the generated block of a Markdown page. Raises ValueError if the page lacks the markers."""
    tables = [markdown_table(throughput(benchmark)), markdown_table(processes(benchmark))]
    BLOCK.write(page, [caption(benchmark) + ".", *tables, *notes(benchmark), IMAGE])


def _text(spread: Spread, unit: str, digits: int = 1) -> str:
    text = f"{spread.median:.{digits}f} {unit}"
    return text if spread.single else f"{text} ({spread.least:.{digits}f}–{spread.greatest:.{digits}f})"
