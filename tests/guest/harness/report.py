# What the user sees, and what a CI server reads.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""Progress lines, the final table, JUnit XML."""

from __future__ import annotations

import dataclasses
import pathlib
import re
import shutil
import sys
import textwrap
import threading
import time
import xml.etree.ElementTree as ET

from .tap import Outcome

HEAD = ("guest", "kernel", "exercised", "seen", "result")


@dataclasses.dataclass
class Row:
    """A guest test on one kernel."""

    test: str
    kernel: str
    exercised: str
    outcome: Outcome
    log: str
    tail: list[str]
    # A kernel of the user's own may lack something; Debian's may not.
    may_skip: bool

    def counts(self) -> tuple[int, int]:
        good, bad = self.outcome.counts()
        if not self.may_skip:
            bad += len(self.skips())
        return good, bad

    def skips(self) -> list[str]:
        whole = [self.outcome.skipped] if self.outcome.skipped else []
        return whole + [p.skipped for p in self.outcome.points if p.skipped]

    def result(self) -> str:
        good, bad = self.counts()
        if bad:
            return f"FAIL {bad} of {good + bad}"
        if self.outcome.skipped:
            return "skip"
        return f"pass {good}"

    def reasons(self) -> list[str]:
        """Every failure in a line or a few."""
        texts = list(self.outcome.problems)
        for point in self.outcome.points:
            if not point.passed:
                texts.append(f"not ok {point.number} - {point.description}")
                texts += [f"    {d}" for d in point.details[:12]]
        if not self.may_skip:
            texts += [f"skipped, which this kernel may not: {s}"
                      for s in self.skips()]
        return texts


class Progress:
    """One status line on a terminal; plain lines everywhere else."""

    def __init__(self, total: int) -> None:
        self.terminal = sys.stdout.isatty()
        self.lock = threading.Lock()
        self.total, self.finished = total, 0
        self.steps: dict[str, str] = {}
        self.start = time.monotonic()
        self.painted = 0.0

    def line(self, text: str) -> None:
        with self.lock:
            sys.stdout.write(("\r\033[K" if self.terminal else "") + text + "\n")
            sys.stdout.flush()

    def step(self, guest: str, step: str) -> None:
        self.steps[guest] = step
        now = time.monotonic()
        if self.terminal and now - self.painted > 0.2:
            self.painted = now
            self._paint(now)

    def _paint(self, now: float) -> None:
        width = shutil.get_terminal_size().columns - 1
        text = f"[{self.finished}/{self.total}] {now - self.start:.0f} s  "
        text += "; ".join(f"{g}: {s}" for g, s in list(self.steps.items()))
        with self.lock:
            sys.stdout.write("\r\033[K" + text[:width])
            sys.stdout.flush()

    def started(self, guest: str) -> None:
        self.steps[guest] = "starting"
        if not self.terminal:
            self.line(f"guest {guest}: started")

    def ended(self, guest: str, text: str) -> None:
        self.finished += 1
        self.steps.pop(guest, None)
        self.line(f"guest {guest}: {text}  [{self.finished}/{self.total}]")


def _cells(row: Row) -> tuple[str, ...]:
    if row.outcome.problems and not row.outcome.seen:
        seen = row.outcome.problems[0]
    elif row.outcome.skipped:
        seen = f"skip: {row.outcome.skipped}"
    else:
        seen = "; ".join(row.outcome.seen)
    return (row.test, row.kernel, row.exercised, seen, row.result())


def columns(rows: list[tuple[str, ...]], limits: tuple[int, ...]) -> str:
    """Plain text, the first row being the head; long cells are wrapped."""
    wrapped = [[textwrap.wrap(cell, limit) or [""]
                for cell, limit in zip(cells, limits)] for cells in rows]
    widths = [max(len(line) for cells in wrapped for line in cells[i])
              for i in range(len(limits))]
    out: list[str] = []
    for number, cells in enumerate(wrapped):
        for i in range(max(map(len, cells))):
            out.append(" | ".join(
                (cell[i] if i < len(cell) else "").ljust(width)
                for cell, width in zip(cells, widths)).rstrip())
        if number == 0 or max(map(len, cells)) > 1:
            out.append("-+-".join("-" * width for width in widths))
    if out[-1].startswith("-"):
        out.pop()
    return "\n".join(out)


def table(rows: list[Row]) -> str:
    return columns([HEAD, *map(_cells, rows)], (29, 16, 38, 52, 14))


def failures(rows: list[Row]) -> str:
    out: list[str] = []
    for row in rows:
        if not row.counts()[1]:
            continue
        out.append(f"{row.test} on {row.kernel}: FAILED")
        out += [f"  {reason}" for reason in row.reasons()]
        if row.tail and not row.outcome.finished:
            out.append("  the last lines of the console:")
            out += [f"    {line}" for line in row.tail]
        out.append(f"  log: {row.log}")
    return "\n".join(out)


def _clean(text: str) -> str:
    """XML has no place for control characters."""
    return re.sub(r"[^\t\n\x20-\ud7ff\ue000-\ufffd]", "?", text)


def junit(rows: list[Row], path: pathlib.Path) -> None:
    root = ET.Element("testsuites", name="guest")
    for row in rows:
        suite = ET.SubElement(root, "testsuite",
                              name=f"{row.test} ({row.kernel})",
                              time=f"{row.outcome.seconds:.3f}")
        for point in row.outcome.points:
            case = ET.SubElement(suite, "testcase", classname=row.test,
                                 name=_clean(point.description))
            if not point.passed:
                ET.SubElement(case, "failure", message="not ok").text = \
                    _clean("\n".join(point.details))
            elif point.skipped:
                ET.SubElement(case, "skipped", message=_clean(point.skipped))
        _junit_rest(suite, row)
        cases = suite.findall("testcase")
        suite.set("tests", str(len(cases)))
        suite.set("failures", str(len(suite.findall("testcase/failure"))))
        suite.set("skipped", str(len(suite.findall("testcase/skipped"))))
    path.parent.mkdir(parents=True, exist_ok=True)
    ET.indent(root)
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _junit_rest(suite: ET.Element, row: Row) -> None:
    """What is no test point: troubles, and a program skipped as a whole."""
    for problem in row.outcome.problems:
        case = ET.SubElement(suite, "testcase", classname=row.test,
                             name=_clean(problem))
        ET.SubElement(case, "failure", message=_clean(problem)).text = \
            _clean("\n".join(row.tail))
    whole = [row.outcome.skipped] if row.outcome.skipped else []
    for reason in whole if row.may_skip else row.skips():
        case = ET.SubElement(suite, "testcase", classname=row.test,
                             name=f"skipped: {_clean(reason)}")
        kind = "skipped" if row.may_skip else "failure"
        ET.SubElement(case, kind, message=_clean(reason))
