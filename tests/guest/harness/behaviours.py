# What kernels have been seen to do.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables in behaviours/*.toml: a known behaviour is recognised by what is
observed, never by the version of the kernel. docs/guest-tests.rst has the form."""

from __future__ import annotations

import dataclasses
import fnmatch
import pathlib
import re
import tomllib
from collections.abc import Iterable

from .klog import Report
from .table import HERE, TableError
from .tap import Outcome, Point

TABLES = HERE / "behaviours"
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_NEEDED = {"name": str, "test": str, "point": str, "seen": str, "rule": str,
           "kernels": list}


@dataclasses.dataclass(frozen=True)
class Behaviour:
    """One row: a test point, and what kernels have answered to it."""

    name: str
    test: str               # a pattern over the names of guest tests
    point: str              # a regular expression for all of its words
    seen: str               # and for all of what was seen
    rule: str               # why a kernel does that: the rule, or the commit
    kernels: tuple[str, ...]    # seen on these; for the reader alone
    also: str = ""          # of a report in the log: a line that it has, too
    # It is a fault of the kernel: the command that shows it. docs/
    # kernel-faults.rst lists these.
    fault: str = ""

    def about(self, test: str, words: str) -> bool:
        return bool(fnmatch.fnmatchcase(test, self.test)
                    and re.fullmatch(self.point, words))

    def explains(self, test: str, point: Point,
                 report: Report | None = None) -> bool:
        return bool(self.about(test, point.words)
                    and re.fullmatch(self.seen, point.seen)
                    and (not self.also or (report and
                                           report.matches(self.also))))


def _row(entry: object, where: str) -> Behaviour:
    if not isinstance(entry, dict):
        raise TableError(f"{where}: [[behaviour]] is wanted")
    known = {*_NEEDED, "also", "fault"}
    for key in entry:
        if key not in known:
            raise TableError(f"{where}: '{key}' is none of "
                             f"{', '.join(sorted(known))}")
    for key, kind in _NEEDED.items():
        if not isinstance(entry.get(key), kind) or not entry[key] and \
                key != "seen":
            raise TableError(f"{where}: '{key}' is missing, or no "
                             f"{'list' if kind is list else 'text'}")
    if not _NAME.fullmatch(entry["name"]):
        raise TableError(f"{where}: the name '{entry['name']}' is not of small "
                         "letters, digits and single dashes")
    for key in ("point", "seen", "also"):
        try:
            re.compile(entry.get(key, ""))
        except re.error as error:
            raise TableError(f"{where}: {entry['name']}: {key}: {error}") \
                from error
    return Behaviour(**{**entry, "kernels": tuple(entry["kernels"])})


def read(path: pathlib.Path) -> list[Behaviour]:
    try:
        table = tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise TableError(f"{path.name}: {error}") from error
    if set(table) - {"behaviour"}:
        raise TableError(f"{path.name}: nothing but [[behaviour]] is wanted")
    return [_row(entry, f"{path.name}, row {number}")
            for number, entry in enumerate(table.get("behaviour", []), 1)]


class Behaviours:
    """All rows. @hidden: patterns of names that are to be unknown, to see what
    a kernel that no table has seen would look like."""

    def __init__(self, paths: Iterable[pathlib.Path],
                 hidden: Iterable[str] = ()) -> None:
        self.rows = [row for path in paths for row in read(path)]
        names = [row.name for row in self.rows]
        for name in names:
            if names.count(name) > 1:
                raise TableError(f"behaviours: {name} is there twice")
        for pattern in hidden:
            if not fnmatch.filter(names, pattern):
                raise TableError(f"--hide {pattern}: no known behaviour has "
                                 "such a name")
            self.rows = [r for r in self.rows
                         if not fnmatch.fnmatchcase(r.name, pattern)]

    def _find(self, test: str, point: Point,
              report: Report | None = None) -> Behaviour | None:
        return next((r for r in self.rows
                     if r.explains(test, point, report)), None)

    def judge(self, outcome: Outcome) -> None:
        """Name what is known; what is not stays without a name."""
        reports = outcome.reports
        for point in outcome.points:
            if point.kind != "device" or point.skipped:
                self._judge(outcome.name, point, None)
        for point, report in zip(outcome.log, reports):
            self._judge(outcome.name, point, report)
        if outcome.skipped:
            outcome.whole = Point(0, True, f"whole test => {outcome.skipped}",
                                  kind="open")
            self._judge(outcome.name, outcome.whole, None)

    def _judge(self, test: str, point: Point, report: Report | None) -> None:
        found = self._find(test, point, report)
        if found:
            point.behaviour = found.name
        elif point.kind == "kernel" and point.passed and not point.skipped:
            point.behaviour = "as expected"
        else:
            known = [r for r in self.rows if r.about(test, point.words)]
            point.expected = "; ".join(
                f"{r.seen or 'nothing'} ({r.name})" for r in known)

    def rule(self, name: str) -> str:
        return next((r.rule for r in self.rows if r.name == name), "")

    def kernels(self, name: str) -> tuple[str, ...]:
        return next((r.kernels for r in self.rows if r.name == name), ())
