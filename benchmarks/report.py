"""The results of the benchmark as tables, for the terminal and the documentation."""

from pathlib import Path
from typing import Final

from rich.console import Console

from benchmarks.goals import bench
from benchmarks.goals.report import rows as goal_rows
from benchmarks.results import CASES, FULL_LOAD, HITS, ONE, UNCACHED, Benchmark, Case, Spread
from benchmarks.tables import DocsBlock, Rows, markdown_table, print_report

BLOCK: Final = DocsBlock("<!-- figures: written by make bench ARGS=--docs -->", "<!-- end of figures -->")
IMAGE: Final = "![Throughput as a share of the limit, latencies and cache hits](images/bench.png)"
SMALL_MS: Final = 0.005
COUNTED: Final = (*UNCACHED, HITS)
"""The cases with a column of CPU times."""


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
    loads = [*(f"{case.connections}" for case in UNCACHED), "per hit"]
    heading = ["component", "processes", f"CPU ms per image: {loads[0]}", *loads[1:], "idle, % of a core", "PSS MiB"]
    names = sorted(_names(benchmark), key=lambda name: -_cpu(benchmark, name, FULL_LOAD))
    totals = [sum(_cpu(benchmark, name, case) for name in names) for case in COUNTED]
    count = sum(component.processes for component in benchmark.rounds[-1].memory.values())
    idle = benchmark.median(lambda each: sum(each.idle_cores.values()))
    pss = benchmark.median(lambda each: each.pss_mib)
    total = ["total", str(count), *_ms(totals), f"{100 * idle:.1f}", f"{pss:.0f}" if pss else ""]
    client = [_client(benchmark, case) for case in COUNTED]
    generator = [f"load generator: {benchmark.generator}", "1", *_ms(client), "", ""]
    return [heading, *([name, *_component(benchmark, name)] for name in names), total, generator]


def _client(benchmark: Benchmark, case: Case) -> float:
    """CPU milliseconds of the load generator per image."""
    return benchmark.median(lambda each: each.runs[case.name].load.client_ms)


def _ms(values: list[float]) -> list[str]:
    return [f"{value:.2f}" if value >= SMALL_MS else "–" for value in values]


def _names(benchmark: Benchmark) -> list[str]:
    return list(benchmark.rounds[-1].memory)


def _component(benchmark: Benchmark, name: str) -> list[str]:
    held = benchmark.rounds[-1].memory[name]
    pss = "" if held.pss_mib is None else f"{held.pss_mib:.0f}"
    cpu = [_cpu(benchmark, name, case) for case in COUNTED]
    idle = benchmark.median(lambda each: each.idle_cores.get(name, 0.0))
    return [str(held.processes), *_ms(cpu), f"{100 * idle:.1f}", pss]


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
    last = benchmark.rounds[-1]
    floor, chain = last.floor, last.runs[ONE.name].chain_ms
    return [
        f"URL cache hits: {_text(benchmark.hit_ratio(), '×')} the throughput of 64 connections without the cache.",
        f"With a user's token: {_text(benchmark.token_ratio(), '×', 2)} the throughput of hits without a token.",
        f"From `raylens serve` to the first response, with a prepared model: {_text(start, 's')}.",
        f"Of the {chain:.1f} ms of the deployments with one client, decoding takes {floor.decode_ms:.1f}, the model "
        f"{floor.model_ms:.1f} and HTTP {floor.http_ms:.1f} by themselves (last round).",
        *(f"Note: {warning}" for warning in benchmark.warnings()),
    ]


def show(benchmark: Benchmark, console: Console) -> None:
    tables = [
        ("Speed", throughput(benchmark)),
        ("Processes", processes(benchmark)),
        ("Goals", goal_rows(bench.findings(benchmark))),
    ]
    print_report(console, tables, caption(benchmark), notes(benchmark))


def write_into(page: Path, benchmark: Benchmark) -> None:
    """Write the generated block of a Markdown page. Raises ValueError if the page lacks the markers."""
    tables = [markdown_table(throughput(benchmark)), markdown_table(processes(benchmark))]
    BLOCK.write(page, [caption(benchmark) + ".", *tables, *notes(benchmark), IMAGE])


def _text(spread: Spread, unit: str, digits: int = 1) -> str:
    text = f"{spread.median:.{digits}f} {unit}"
    return text if spread.single else f"{text} ({spread.least:.{digits}f}–{spread.greatest:.{digits}f})"
