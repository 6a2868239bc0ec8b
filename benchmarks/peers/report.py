"""The comparison as tables: on the terminal and in the documentation."""

from pathlib import Path
from typing import Final

from rich.console import Console

from benchmarks.load import BUSY
from benchmarks.peers.goodput import capacity
from benchmarks.peers.results import (
    CASES,
    FULL,
    GOAL_MS,
    HITS,
    ONE,
    RAYLENS,
    WANTED,
    Case,
    Comparison,
    Subject,
    SystemRound,
)
from benchmarks.peers.sizes import PHOTO, TITLES
from benchmarks.report import Rows, markdown, replace_figures, table
from benchmarks.results import NOISY, Spread

BEGIN: Final = "<!-- figures: written by make bench-compare ARGS=--docs -->"
PICTURE: Final = "![Raylens beside other serving systems](images/bench-compare.png)"
LAGGING_MS: Final = 20.0
"""From here on the sender of the open loop is late itself."""


def throughput(found: Comparison) -> Rows:
    heading = ["images/s at …", "1", "16", "64", "range at 64", "of limit", "64, thumbnails", "16, 12 MP"]
    limits = [_number(found.limit(case.size)) for case in CASES[2:]]
    rows = [heading, ["machine's limit", "", "", limits[0], _range(found.limit(PHOTO)), "100 %", *limits[1:]]]
    for subject in found.subjects:
        rates = [_number(found.rate(subject.name, case)) for case in CASES]
        share = f"{100 * found.share(subject.name, FULL).median:.0f} %"
        rows.append([subject.title, *rates[:3], _range(found.rate(subject.name, FULL)), share, *rates[3:]])
    return rows


def latency(found: Comparison) -> Rows:
    heading = ["ms at …", *(f"{case.connections}: {name}" for case in CASES[:3] for name in ("median", "p99"))]
    return [heading, *([subject.title, *_latencies(found, subject)] for subject in found.subjects)]


def _latencies(found: Comparison, subject: Subject) -> list[str]:
    def median(case: Case, key: str) -> float:
        return found.spread(subject.name, lambda each: getattr(each.closed[case.name].load, key)).median

    return [f"{median(case, key):.1f}" for case in CASES[:3] for key in ("median_ms", "p99_ms")]


def in_time(found: Comparison) -> Rows:
    """Of the open loop: the share answered within the goal at each rate, and the rate that is borne."""
    rates = rates_of(found)
    heading = ["in time at …", *(f"{rate:.0f}/s" for rate in rates), f"{100 * WANTED:.0f} % up to"]
    return [heading, *([subject.title, *_shares(found, subject, len(rates))] for subject in found.subjects)]


def rates_of(found: Comparison) -> list[float]:
    """Requests a second; medians over the rounds, as each round's follow from its limit."""
    longest = max((each.arrivals for each in found.rounds[-1].systems.values()), key=len)
    return [_arrival(found, name, number, "rate") for number, name in enumerate(_longest_names(found, len(longest)))]


def _longest_names(found: Comparison, length: int) -> list[str]:
    """For each rate a system that was sent it."""
    systems = found.rounds[-1].systems
    return [next(name for name, each in systems.items() if len(each.arrivals) > number) for number in range(length)]


def _arrival(found: Comparison, name: str, number: int, key: str) -> float:
    """Median of the rounds that got that far."""
    values = [
        float(getattr(each.systems[name].arrivals[number], key))
        for each in found.rounds
        if name in each.systems and len(each.systems[name].arrivals) > number
    ]
    return Spread.of(values).median if values else 0.0


def curve(found: Comparison, name: str) -> list[tuple[float, float]]:
    """Rates and goodputs of a system, images/s."""
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
    heading = ["", "CPU ms an image", "at 1", "processes", "RSS MiB", "PSS MiB", "start s"]
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


def systems(found: Comparison) -> Rows:
    heading = ["system", "version", "engine", "batches", "request", "same answers", "difference"]
    return [heading, *([subject.title, *_described(subject)] for subject in found.subjects)]


def _described(subject: Subject) -> list[str]:
    same = subject.agreement
    told = [f"{same.photos} photos", f"{same.largest_difference:.4f}"] if same else ["–", "–"]
    return [subject.version, subject.engine, subject.batching, subject.wire, *told]


def caption(found: Comparison) -> str:
    machine, model = found.machine, found.model
    photos = ", ".join(f"{TITLES[size]} of {size_b / 1e3:.0f} KB" for size, size_b in found.photo_bytes.items())
    return (
        f"{model['name']} in {model['precision']} on {model['runtime']}, where nothing else is said; "
        f"photos of {photos}; "
        f"{machine.cores} cores of {machine.cpu}; median of {len(found.rounds)} in turn, {found.seconds:g} s a run; "
        f"peers with {found.workers} workers, {found.threads} threads a model call; "
        f"closed loops by {found.generator}; {found.date[:10]}"
    )


def remarks(found: Comparison) -> list[str]:
    told = [_ratio(found, *each) for each in COMPARED]
    hits = found.rate(RAYLENS, HITS)
    return [
        *(remark for remark in told if remark),
        f"Cache hits by URL, which only Raylens has: {hits.median:.0f} images/s at 64 connections.",
        *(f"Left out: {title}: {reason.splitlines()[0]}" for title, reason in found.left_out.items()),
        *(f"Note: {warning}" for warning in warnings(found)),
    ]


COMPARED: Final = (
    ("Throughput at 64 connections", lambda each: each.closed[FULL.name].load.images_per_s, max),
    ("Median latency of one client", lambda each: each.closed[ONE.name].load.median_ms, min),
    ("CPU time of an image at 64 connections", lambda each: each.closed[FULL.name].cpu_ms_per_image, min),
)


def _ratio(found: Comparison, what: str, value: object, best: object) -> str:
    spread = found.to_best(value, best)  # type: ignore[arg-type]
    return f"{what}: {_told(spread)} the best peer's." if spread else ""


def _told(spread: Spread) -> str:
    told = f"{spread.median:.2f} ×"
    return told if spread.single else f"{told} ({spread.least:.2f}–{spread.greatest:.2f})"


def warnings(found: Comparison) -> list[str]:
    """What to bear in mind when reading the figures."""
    told = []
    for subject in found.subjects:
        told += [f"{subject.title}: {warning}" for warning in _warnings_of(found, subject.name)]
    got = Spread.of([each.cores_got for each in found.rounds]).median
    if got < (1 - NOISY) * found.machine.cores:
        told.append(f"the limit got {got:.2f} of {found.machine.cores} cores: it is higher, the shares are lower.")
    return told


def _warnings_of(found: Comparison, name: str) -> list[str]:
    rounds = [each.systems[name] for each in found.rounds if name in each.systems]
    runs = [run for each in rounds for run in each.closed.values()]
    client = max(run.load.client_cores for run in runs)
    others = found.spread(name, _others).median
    errors = sum(run.load.errors for run in runs)
    lag = max((each.lag_ms for system in rounds for each in system.arrivals), default=0.0)
    told = [
        (client >= BUSY, f"{found.generator} was the bottleneck of a run, it took {client:.2f} of its one core."),
        (others > NOISY * found.machine.cores, f"other programs took {others:.2f} of {found.machine.cores} cores."),
        (errors > 0, f"{errors} requests of the closed loops were refused or not answered."),
        (lag > LAGGING_MS, f"the open loop sent requests up to {lag:.0f} ms late, which counts as latency."),
    ]
    return [warning for applies, warning in told if applies]


def _others(system: SystemRound) -> float:
    return max(run.other_cores for run in system.closed.values())


def tables(found: Comparison) -> list[tuple[str, Rows]]:
    return [
        ("Throughput at so many connections, no cache", throughput(found)),
        ("Latency at so many connections, no cache", latency(found)),
        (f"Open loop: answered within {GOAL_MS:.0f} ms at so many requests/s", in_time(found)),
        ("Cost", cost(found)),
        ("Systems", systems(found)),
    ]


def show(found: Comparison, console: Console) -> None:
    for title, rows in tables(found):
        console.print(table(title, rows))
    console.print(caption(found), style="dim")
    for remark in remarks(found):
        warns = remark.startswith(("Note", "Left out"))
        console.print(remark, style="yellow" if warns else None, markup=False)


def write_into(page: Path, found: Comparison) -> None:
    """Put the tables between the marks of a Markdown page. Raises ValueError where they are missing."""
    parts = [part for title, rows in tables(found) for part in (f"**{title}**", markdown(rows))]
    notes = "\n".join(f"- {remark}" for remark in remarks(found))
    replace_figures(page, BEGIN, [caption(found) + ".", *parts, notes, PICTURE])


def _number(spread: Spread) -> str:
    return f"{spread.median:.1f}" if spread.median < 10 else f"{spread.median:.0f}"


def _range(spread: Spread) -> str:
    return "" if spread.single else f"{spread.least:.0f}–{spread.greatest:.0f}"
