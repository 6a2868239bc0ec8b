"""Goals and results as a table."""

from collections.abc import Iterable
from typing import Final

from benchmarks.goals.goal import Finding
from benchmarks.tables import Rows

HEADING: Final = ["goal", "bound", "result", "range", "met", "measured", "flags"]


def rows(findings: Iterable[Finding]) -> Rows:
    return [HEADING, *(_row(finding) for finding in findings)]


def _row(finding: Finding) -> list[str]:
    goal, value = finding.goal, finding.value
    spread = "" if value.single else f"{value.least:.{goal.digits}f}–{value.greatest:.{goal.digits}f}"
    flags = "; ".join(finding.flags)
    return [goal.what, str(goal), goal.text(value.median), spread, finding.outcome, finding.figure, flags]
