"""Results as Markdown tables with units, and beside each goal whether it is met."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from timing import Results


@dataclass(frozen=True)
class Goal:
    """A bound on the ratio of two ways in one case: `at_least` where more is better, `at_most` where less is."""

    name: str
    case: str
    way: str
    to: str
    at_least: float | None = None
    at_most: float | None = None

    def is_met(self, ratio: float) -> bool:
        return ratio >= self.at_least if self.at_least is not None else ratio <= (self.at_most or 0)

    @property
    def bound(self) -> str:
        return f"≥ {self.at_least:g}" if self.at_least is not None else f"≤ {self.at_most:g}"


def print_results(title: str, results: Results, *, limit: str, by_case: bool = False) -> None:
    """A row for each way, a column for each case, or the other way round; in brackets the ratio to the limit."""
    print(f"\n{title}; in brackets the ratio to “{limit}” in the same rounds\n")
    if by_case:
        rows = [[case, *(_cell(results, case, way, limit) for way in results.ways)] for case in results.cases]
        print_table(["", *results.ways], rows)
    else:
        rows = [[way, *(_cell(results, case, way, limit) for case in results.cases)] for way in results.ways]
        print_table(["", *results.cases], rows)


def print_goals(results: Results, goals: Iterable[Goal]) -> None:
    measured = [each for each in goals if (each.case, each.way) in results and (each.case, each.to) in results]
    rows = [_goal_row(goal, results.ratios(goal.case, goal.way, goal.to)) for goal in measured]
    if rows:
        print()
        print_table(["goal", "ratio", "wanted", "met", "lowest and highest round"], rows)


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    for row in [head, ["-" * width for width in widths], *rows]:
        cells = [
            each.ljust(width) if index == 0 else each.rjust(width)
            for index, (each, width) in enumerate(zip(row, widths, strict=True))
        ]
        print(f"| {' | '.join(cells)} |")


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _cell(results: Results, case: str, way: str, limit: str) -> str:
    if (case, way) not in results:
        return ""
    ratio = statistics.median(results.ratios(case, way, limit))
    return f"{number(results.median(case, way))} ({ratio:.2f})"


def _goal_row(goal: Goal, ratios: list[float]) -> list[str]:
    ratio = statistics.median(ratios)
    verdict = "yes" if goal.is_met(ratio) else "NO"
    return [goal.name, f"{ratio:.2f}", goal.bound, verdict, f"{min(ratios):.2f} to {max(ratios):.2f}"]
