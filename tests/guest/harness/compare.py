# What a change of the kernel changed.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""Two kernels, the same tests: the test points on which they differ."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

from .report import Row, columns
from .tap import Outcome, Point

OLD, NEW = "old", "new"
HEAD = ("guest", "test point", OLD, NEW)
LIMITS = (29, 34, 22, 22)
ABSENT = "-"


@dataclasses.dataclass(frozen=True)
class Difference:
    """What one kernel says and what the other says."""

    test: str
    what: str
    old: str
    new: str
    worse: bool


def _verdict(point: Point | None) -> str:
    """A test point in a few words; equal words are no difference."""
    if not point:
        return ABSENT
    if point.skipped:
        return f"skip: {point.skipped}"
    if point.passed:
        return "ok"
    return "; ".join(["not ok", *point.details[:3]])


def _shape(point: Point) -> str:
    """Times and counts are part of a description and differ each time."""
    return re.sub(r"\d+(\.\d+)?", "N", point.description)


def _pairs(old: list[Point],
           new: list[Point]) -> Iterator[tuple[Point | None, Point | None]]:
    """Points with the same words belong together, then those that differ in
    their numbers only; the rest is in one of the two alone."""
    rest_old, rest_new = list(old), list(new)
    for key in (lambda p: p.description, _shape):
        waiting: dict[str, list[Point]] = {}
        for point in rest_new:
            waiting.setdefault(key(point), []).append(point)
        for point in list(rest_old):
            same = waiting.get(key(point))
            if same:
                twin = same.pop(0)
                rest_old.remove(point)
                rest_new.remove(twin)
                yield point, twin
    yield from ((point, None) for point in rest_old)
    yield from ((None, point) for point in rest_new)


def _bad(outcome: Outcome) -> str:
    return "; ".join(outcome.problems) or "ok"


def _compare(old: Row, new: Row) -> Iterator[Difference]:
    numbered: list[tuple[tuple[bool, bool, int], Difference]] = []
    for a, b in _pairs(old.outcome.points, new.outcome.points):
        before, after = _verdict(a), _verdict(b)
        if before == after:
            continue
        point = b or a
        assert point
        worse = bool(b and not b.passed and (not a or a.passed))
        # Those that both have come first, then those of one kernel alone.
        numbered.append(((not a, not b, point.number), Difference(
            old.test, point.description, before, after, worse)))
    yield from (d for _, d in sorted(numbered, key=lambda n: n[0]))
    if _bad(old.outcome) != _bad(new.outcome):
        yield Difference(old.test, "the program and the kernel's log",
                         _bad(old.outcome), _bad(new.outcome),
                         not old.outcome.problems)
    whole = [f"skip: {row.outcome.skipped}" if row.outcome.skipped else "ran"
             for row in (old, new)]
    if whole[0] != whole[1]:
        yield Difference(old.test, "the whole test", *whole, False)


def differences(rows: list[Row]) -> list[Difference]:
    """Of the rows of both kernels, in their order."""
    new = {row.test: row for row in rows if row.kernel == NEW}
    return [difference for row in rows if row.kernel == OLD
            for difference in _compare(row, new[row.test])]


def _tally(rows: list[Row], kernel: str) -> str:
    mine = [row for row in rows if row.kernel == kernel]
    good = sum(row.counts()[0] for row in mine)
    bad = sum(row.counts()[1] for row in mine)
    skips = sum(len(row.skips()) for row in mine)
    return f"{good} passed, {bad} failed" + (f", {skips} skipped" if skips
                                             else "")


def text(rows: list[Row], names: dict[str, str]) -> str:
    """For a review: which kernels, by their labels, how they fared, where
    they differ."""
    found = differences(rows)
    out = [f"{kernel}: {names[kernel]}: {_tally(rows, kernel)}"
           for kernel in (OLD, NEW)]
    if found:
        out += ["", columns([HEAD, *((d.test, d.what, d.old, d.new)
                                     for d in found)], LIMITS)]
    worse = sum(d.worse for d in found)
    out += ["", f"{len(found)} differences, {worse} for the worse"
            if found else "no test point differs"]
    return "\n".join(out)
