# What a change of the kernel changed.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""Two kernels, the same tests: the test points on which they differ. Points
belong together by their words; what is measured is no difference. What is there
on the old kernel and not on the new one is worse, whatever the reason."""

from __future__ import annotations

import dataclasses
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
        return point.seen
    word = "ok" if point.passed else "not ok"
    if point.kind == "open":
        word = point.behaviour or "NEW"
    elif point.of_kernel and not point.passed:
        word = f"not ok, {point.behaviour or 'NEW'}"
    more = [point.seen] if point.seen else []
    if not point.passed and not point.seen and point.kind != "open":
        more = point.details[:3]
    return ": ".join([word, "; ".join(more)]) if more else word


def _worse(old: Point | None, new: Point | None) -> bool:
    if not new:
        return bool(old and (old.kind != "open" or old.passed))
    if new.skipped:
        return bool(old and not old.skipped)
    if new.kind == "open":
        # Of the kernel's log: something that is not there on the old kernel.
        return not new.passed and not old
    return not new.passed and (not old or old.passed)


def _by_words(outcome: Outcome) -> dict[str, Point]:
    """Reports of the log have their headline as their name."""
    points = {p.words: p for p in outcome.points}
    points.update({f"{p.words}: {p.seen}": p for p in outcome.log})
    return points


def _end(row: Row | None) -> str:
    """How the test as a whole went, in words that do not hold a time."""
    if not row:
        return "did not run"
    outcome = row.outcome
    if outcome.skipped:
        return f"skip: {outcome.skipped}"
    return "; ".join([*outcome.problems, *([outcome.crash] if outcome.crash
                                           else [])]) or "ran to its end"


def _compare(test: str, old: Row | None, new: Row | None) -> Iterator[Difference]:
    before, after = (_by_words(r.outcome) if r else {} for r in (old, new))
    both = [w for w in before if w in after]
    alone = [w for w in before if w not in after]
    fresh = [w for w in after if w not in before]
    if _end(old) != _end(new):
        # A test that only the new kernel runs is news, and not bad news.
        yield Difference(test, "the whole test", _end(old), _end(new),
                         _end(new) != "ran to its end")
    elif new and new.outcome.problems:
        yield Difference(test, "the whole test", "failed as well", _end(new),
                         False)
    for words in both + alone + fresh:
        a, b = before.get(words), after.get(words)
        if _verdict(a) != _verdict(b):
            yield Difference(test, words, _verdict(a), _verdict(b), _worse(a, b))


def differences(rows: list[Row]) -> list[Difference]:
    """Of the rows of both kernels, in their order."""
    old, new = ({r.test: r for r in rows if r.kernel == kernel}
                for kernel in (OLD, NEW))
    return [d for test in dict.fromkeys(r.test for r in rows)
            for d in _compare(test, old.get(test), new.get(test))]


def nothing_ran(rows: list[Row]) -> str:
    """A comparison of nothing is none."""
    for kernel in (NEW, OLD):
        mine = [r for r in rows if r.kernel == kernel]
        if not any(r.outcome.judged for r in mine):
            why = next((_end(r) for r in mine), "nothing was started")
            return f"no test ran to its end on the {kernel} kernel: {why}"
    return ""


def _tally(rows: list[Row], kernel: str) -> str:
    mine = [row for row in rows if row.kernel == kernel]
    good = sum(row.counts()[0] for row in mine)
    bad = sum(row.counts()[1] for row in mine)
    skips = sum(len(row.skips()) for row in mine)
    new = sum(len(row.news()) for row in mine)
    return (f"{good} passed, {bad} failed"
            + (f", {skips} skipped" if skips else "")
            + (f", {new} NEW" if new else ""))


def worse(rows: list[Row]) -> bool:
    return bool(nothing_ran(rows)) or any(d.worse for d in differences(rows))


def text(rows: list[Row], names: dict[str, str]) -> str:
    """For a review: which kernels, by their labels, how the tests ended, where
    they differ."""
    found = differences(rows)
    out = [f"{kernel}: {names[kernel]}: {_tally(rows, kernel)}"
           for kernel in (OLD, NEW)]
    if found:
        out += ["", columns([HEAD, *((d.test, d.what, d.old, d.new)
                                     for d in found)], LIMITS)]
    bad = sum(d.worse for d in found)
    out += ["", f"{len(found)} difference{'s' * (len(found) != 1)}, "
                f"{bad} for the worse" if found else "no test point differs"]
    if nothing_ran(rows):
        out.append(nothing_ran(rows))
    return "\n".join(out)
