"""The results of the comparison as tables, for the terminal and the documentation."""

from pathlib import Path
from typing import Final

from rich.console import Console

from benchmarks.goals import comparison
from benchmarks.goals.report import rows as goal_rows
from benchmarks.load import CLIENT_BOTTLENECK
from benchmarks.peers.goodput import capacity
from benchmarks.peers.results import (
    CASES,
    FULL,
    GOAL_MS,
    HITS,
    ONE,
    RAYLENS,
    SHIPPED_CASES,
    WANTED,
    Case,
    Comparison,
    Subject,
    SystemRound,
)
from benchmarks.peers.sizes import PHOTO, TITLES
from benchmarks.results import NOISY, Spread
from benchmarks.tables import DocsBlock, Rows, markdown_table, print_report

BLOCK: Final = DocsBlock("<!-- figures: written by make bench-compare ARGS=--docs -->", "<!-- end of figures -->")
IMAGE: Final = "![Raylens compared with other serving systems](images/bench-compare.png)"
LAGGING_MS: Final = 20.0
"""Delay from which the open-loop generator counts as overloaded."""


def throughput(found: Comparison) -> Rows:
    heading = ["connections", "1", "16", "64", "range at 64", "share of limit", "64, thumbnails", "16, 12 MP"]
    limits = [_number(found.limit(case.size)) for case in CASES[2:]]
    rows = [heading, ["hardware limit", "", "", limits[0], _range(found.limit(PHOTO)), "100 %", *limits[1:]]]
    for subject in found.subjects:
        rates = [_number(found.rate(subject.name, case)) for case in CASES]
        share = f"{100 * found.share(subject.name, FULL).median:.0f} %"
        rows.append([subject.title, *rates[:3], _range(found.rate(subject.name, FULL)), share, *rates[3:]])
    return rows


def latency(found: Comparison) -> Rows:
    heading = ["connections", *(f"{case.connections}: {name}" for case in CASES[:3] for name in ("median", "p99"))]
    return [heading, *([subject.title, *_latencies(found, subject)] for subject in found.subjects)]


def _latencies(found: Comparison, subject: Subject) -> list[str]:
    def median(case: Case, key: str) -> float:
        return found.spread(subject.name, lambda each: getattr(each.closed[case.name].load, key)).median

    return [f"{median(case, key):.1f}" for case in CASES[:3] for key in ("median_ms", "p99_ms")]


def in_time(found: Comparison) -> Rows:
    """Open loop: share of responses within the goal for each rate, and the capacity."""
    rates = rates_of(found)
    heading = ["requests/s", *(f"{rate:.0f}/s" for rate in rates), f"{100 * WANTED:.0f} % in time up to"]
    return [heading, *([subject.title, *_shares(found, subject, len(rates))] for subject in found.subjects)]


def rates_of(found: Comparison) -> list[float]:
    """Arrival rates; medians over the rounds, since the rates depend on the limit of each round."""
    longest = max((each.arrivals for each in found.rounds[-1].systems.values()), key=len)
    return [_arrival(found, name, number, "rate") for number, name in enumerate(_longest_names(found, len(longest)))]


def _longest_names(found: Comparison, length: int) -> list[str]:
    """For each rate, a system that was measured with it."""
    systems = found.rounds[-1].systems
    return [next(name for name, each in systems.items() if len(each.arrivals) > number) for number in range(length)]


def _arrival(found: Comparison, name: str, number: int, key: str) -> float:
    """Median over the rounds that include this rate."""
    values = [
        float(getattr(each.systems[name].arrivals[number], key))
        for each in found.rounds
        if name in each.systems and len(each.systems[name].arrivals) > number
    ]
    return Spread.of(values).median if values else 0.0


def curve(found: Comparison, name: str) -> list[tuple[float, float]]:
    """Rate and goodput of a system, images/s."""
    tried = max(len(each.systems[name].arrivals) for each in found.rounds if name in each.systems)
    return [
        (_arrival(found, name, number, "rate"), _arrival(found, name, number, "goodput")) for number in range(tried)
    ]


def _shares(found: Comparison, subject: Subject, rates: int) -> list[str]:
    tried = len(curve(found, subject.name))
    shares = [f"{100 * _arrival(found, subject.name, number, 'share'):.0f} %" for number in range(tried)]
    each_borne = [
        capacity(each.systems[subject.name].arrivals, WANTED) for each in found.rounds if subject.name in each.systems
    ]
    middle = sorted(each_borne, key=lambda borne: borne.rate)[len(each_borne) // 2]
    return [*shares, *["–"] * (rates - tried), f"{middle}/s"]


def cost(found: Comparison) -> Rows:
    heading = ["", "CPU ms per image", "with 1 connection", "processes", "RSS MiB", "PSS MiB", "start s"]
    return [heading, *([subject.title, *_costs(found, subject)] for subject in found.subjects)]


def _costs(found: Comparison, subject: Subject) -> list[str]:
    name = subject.name
    cpu = [found.spread(name, lambda each, case=case: each.closed[case.name].cpu_ms_per_image) for case in (FULL, ONE)]  # type: ignore[misc]
    memory = [found.spread(name, lambda each: each.rss_mib), found.spread(name, lambda each: each.pss_mib or 0.0)]
    processes = found.spread(name, lambda each: float(each.processes))
    start = found.spread(name, lambda each: each.start_s)
    return [
        *(f"{each.median:.1f}" for each in cpu),
        *(f"{each.median:.0f}" if each.median else "–" for each in (processes, *memory)),
        f"{start.median:.1f}",
    ]


def shipped(found: Comparison) -> Rows:
    """Throughput with each system's own preprocessing."""
    rows = [["connections", *(str(case.connections) for case in SHIPPED_CASES)]]
    rows.append(["Raylens", *(_number(found.rate(RAYLENS, case)) for case in SHIPPED_CASES)])
    for subject in found.subjects[1:]:
        runs = [each.shipped[subject.name] for each in found.rounds if subject.name in each.shipped]
        if runs:
            rates = [Spread.of([each[case.name].load.images_per_s for each in runs]) for case in SHIPPED_CASES]
            rows.append([subject.title, *map(_number, rates)])
    return rows


def systems(found: Comparison) -> Rows:
    heading = ["system", "version", "engine", "batching", "request", "compared with Raylens", "max. difference"]
    return [heading, *([subject.title, *_described(subject)] for subject in found.subjects)]


def _described(subject: Subject) -> list[str]:
    same = subject.agreement
    texts = [f"{same.photos} photos", f"{same.largest_difference:.4f}"] if same else ["–", "–"]
    return [subject.version, subject.engine, subject.batching, subject.request_format, *texts]


def caption(found: Comparison) -> str:
    machine, model = found.machine, found.model
    photos = ", ".join(f"{TITLES[size]} of {size_b / 1e3:.0f} KB" for size, size_b in found.photo_bytes.items())
    return (
        f"{model['name']} in {model['precision']} on {model['runtime']}, unless noted otherwise; "
        f"photos of {photos}; "
        f"{machine.cores} cores of {machine.cpu}; median of {len(found.rounds)} rounds, {found.seconds:g} s per run; "
        f"peers with {found.workers} workers, {found.threads} threads per model call; "
        f"closed-loop generator: {found.generator}; {found.date[:10]}"
    )


def notes(found: Comparison) -> list[str]:
    texts = [_ratio(found, *each) for each in COMPARED]
    hits = found.rate(RAYLENS, HITS)
    return [
        *(note for note in texts if note),
        f"URL cache hits (Raylens only): {hits.median:.0f} images/s at 64 connections.",
        *(f"Left out: {title}: {reason.splitlines()[0]}" for title, reason in found.left_out.items()),
        *(f"Note: {warning}" for warning in warnings(found)),
    ]


COMPARED: Final = (
    ("Throughput at 64 connections", lambda each: each.closed[FULL.name].load.images_per_s, max),
    ("Median latency of one client", lambda each: each.closed[ONE.name].load.median_ms, min),
    ("CPU time per image at 64 connections", lambda each: each.closed[FULL.name].cpu_ms_per_image, min),
)


def _ratio(found: Comparison, what: str, value: object, best: object) -> str:
    spread = found.to_best(value, best)  # type: ignore[arg-type]
    return f"{what}: {_texts(spread)} that of the best peer." if spread else ""


def _texts(spread: Spread) -> str:
    texts = f"{spread.median:.2f} ×"
    return texts if spread.single else f"{texts} ({spread.least:.2f}–{spread.greatest:.2f})"


def warnings(found: Comparison) -> list[str]:
    """Problems that affect the validity of the results."""
    texts = []
    for subject in found.subjects:
        texts += [f"{subject.title}: {warning}" for warning in _warnings_of(found, subject.name)]
    got = Spread.of([each.cores_got for each in found.rounds]).median
    if got < (1 - NOISY) * found.machine.cores:
        texts.append(
            f"the limit was measured with {got:.2f} of {found.machine.cores} cores, "
            "so the true limit is higher and the shares lower."
        )
    return texts


def _warnings_of(found: Comparison, name: str) -> list[str]:
    rounds = [each.systems[name] for each in found.rounds if name in each.systems]
    runs = [run for each in rounds for run in each.closed.values()]
    client = max(run.load.client_cores for run in runs)
    others = found.spread(name, _others).median
    errors = sum(run.load.errors for run in runs)
    lag = max((each.lag_ms for system in rounds for each in system.arrivals), default=0.0)
    texts = [
        (
            client >= CLIENT_BOTTLENECK,
            f"{found.generator} was the bottleneck of a run; it used {client:.2f} of its one core.",
        ),
        (others > NOISY * found.machine.cores, f"other programs used {others:.2f} of {found.machine.cores} cores."),
        (errors > 0, f"{errors} closed-loop requests were refused or failed."),
        (lag > LAGGING_MS, f"the open loop sent requests up to {lag:.0f} ms late, which is included in the latency."),
    ]
    return [warning for applies, warning in texts if applies]


def _others(system: SystemRound) -> float:
    return max(run.other_cores for run in system.closed.values())


def tables(found: Comparison) -> list[tuple[str, Rows]]:
    return [
        ("Throughput in images/s by number of connections, without cache", throughput(found)),
        ("Latency in ms by number of connections, without cache", latency(found)),
        (f"Open loop: share answered within {GOAL_MS:.0f} ms by arrival rate", in_time(found)),
        ("Cost", cost(found)),
        ("As shipped: peers decode and resize with plain Pillow, images/s", shipped(found)),
        ("Systems", systems(found)),
    ]


def show(found: Comparison, console: Console) -> None:
    goals = ("Goals", goal_rows(comparison.findings(found)))
    print_report(console, [*tables(found), goals], caption(found), notes(found))


def write_into(page: Path, found: Comparison) -> None:
    """Write the generated block of a Markdown page. Raises ValueError if the page lacks the markers."""
    sections = [text for title, rows in tables(found) for text in (f"**{title}**", markdown_table(rows))]
    bullets = "\n".join(f"- {note}" for note in notes(found))
    BLOCK.write(page, [caption(found) + ".", *sections, bullets, IMAGE])


def _number(spread: Spread) -> str:
    return f"{spread.median:.1f}" if spread.median < 10 else f"{spread.median:.0f}"


def _range(spread: Spread) -> str:
    return "" if spread.single else f"{spread.least:.0f}–{spread.greatest:.0f}"
