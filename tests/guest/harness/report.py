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

from .behaviours import Behaviours
from .tap import KERNEL_LOG, Outcome, Point

HEARTBEAT_SECONDS = 30
HEAD = ("guest", "kernel", "exercised", "seen", "result")


# Who is judged: our devices by what the machine did, on whatever kernel; or a
# kernel, and then a behaviour that nobody has seen yet is a failure.
RIG, KERNEL, COMPARE = "rig", "kernel", "compare"


@dataclasses.dataclass
class Row:
    """A guest test on one kernel."""

    test: str
    kernel: str
    exercised: str
    outcome: Outcome
    log: str
    tail: list[str]
    trial: str = KERNEL
    # Was the same test judged to its end on another kernel of this run? It is
    # known when all have run: settle().
    elsewhere: bool | None = None

    def news(self) -> list[Point]:
        """What no kernel was seen to do before"""
        return [p for p in self.outcome.kernel_points() if p.is_new]

    def known(self) -> list[Point]:
        return [p for p in self.outcome.kernel_points() if p.is_known]

    def unjudged(self) -> str:
        """Why the machine was not judged to the end, if that is a failure. A
        kernel of the user's own may lack something; when the rig is judged,
        one kernel in the run has to take each test to its end."""
        outcome = self.outcome
        if outcome.judged or outcome.problems:
            return ""
        if self.trial == RIG:
            why = outcome.crash or f"skipped: {outcome.skipped}"
            return "" if self.elsewhere in (True, None) else \
                f"judged to its end on no kernel: {why}"
        # Known to go down just so; a test that had to follow is not excused.
        if outcome.log and not any(p.is_new for p in outcome.log):
            return ""
        return outcome.crash

    def failed(self) -> list[Point]:
        """Test points that fail the test"""
        bad = [p for p in self.outcome.points
               if p.kind == "device" and not p.passed]
        if self.trial == KERNEL:
            bad += [p for p in self.news() if not p.skipped
                    and p is not self.outcome.whole]
        return bad

    def counts(self) -> tuple[int, int]:
        """Passed and failed; a trouble without a point of its own is one."""
        outcome = self.outcome
        good = sum(p.passed and p.kind == "device" and not p.skipped
                   for p in outcome.points)
        good += sum(bool(p.behaviour) and not p.skipped
                    for p in outcome.kernel_points()
                    if p is not outcome.whole)
        return good, (len(self.failed()) + len(outcome.problems)
                      + bool(self.unjudged()))

    def skips(self) -> list[str]:
        whole = [self.outcome.skipped] if self.outcome.skipped else []
        return whole + [p.skipped for p in self.outcome.points if p.skipped]

    def result(self) -> str:
        good, bad = self.counts()
        news = len(self.news())
        if bad:
            return f"FAIL {bad} of {good + bad}"
        if self.outcome.skipped:
            return "skip"
        if self.outcome.crash:
            return "kernel died"
        return f"pass {good}" + (f", {news} NEW" if news else "")

    def reasons(self) -> list[str]:
        """Every failure in a line or a few."""
        texts = [x for x in (*self.outcome.problems, self.unjudged()) if x]
        for point in self.failed():
            texts.append(f"not ok {point.number or '-'} - {point.description}")
            texts += [f"    {d}" for d in point.details[:12]]
        return texts


def settle(rows: list[Row]) -> None:
    """Which tests were judged on another kernel"""
    for row in rows:
        row.elsewhere = any(r.test == row.test and r is not row
                            and r.outcome.judged and not r.outcome.problems
                            for r in rows)


class Progress:
    """One status line on a terminal; plain lines everywhere else."""

    def __init__(self, total: int, quiet: bool = False) -> None:
        self.quiet = quiet
        self.terminal = sys.stdout.isatty()
        self.lock = threading.Lock()
        self.total, self.finished = total, 0
        self.steps: dict[str, str] = {}
        self.start = time.monotonic()
        self.painted = 0.0

    def line(self, text: str) -> None:
        if self.quiet:
            return
        with self.lock:
            sys.stdout.write(("\r\033[K" if self.terminal else "") + text + "\n")
            sys.stdout.flush()

    def step(self, guest: str, step: str) -> None:
        self.steps[guest] = step
        now = time.monotonic()
        if self.terminal and now - self.painted > 0.2:
            self.painted = now
            self._paint(now)

    def beat(self) -> None:
        """Somebody who reads a log wants to see that it still lives."""
        now = time.monotonic()
        if self.terminal:
            self.step_again(now)
        elif now - max(self.painted, self.start) > HEARTBEAT_SECONDS:
            self.painted = now
            self.line(self._text(now))

    def step_again(self, now: float) -> None:
        if now - self.painted > 1:
            self.painted = now
            self._paint(now)

    def _paint(self, now: float) -> None:
        width = shutil.get_terminal_size().columns - 1
        with self.lock:
            sys.stdout.write("\r\033[K" + self._text(now)[:width])
            sys.stdout.flush()

    def _text(self, now: float) -> str:
        return (f"[{self.finished}/{self.total}] {now - self.start:.0f} s  "
                + "; ".join(f"{g}: {s}" for g, s in list(self.steps.items())))

    def started(self, guest: str) -> None:
        self.steps[guest] = "starting"
        if not self.terminal:
            self.line(f"guest {guest}: started")

    def ended(self, guest: str, text: str) -> None:
        self.finished += 1
        self.steps.pop(guest, None)
        self.line(f"guest {guest}: {text}  [{self.finished}/{self.total}]")


def _names(points: list[Point]) -> str:
    return ", ".join(dict.fromkeys(p.behaviour for p in points))


def _cells(row: Row) -> tuple[str, ...]:
    outcome = row.outcome
    if outcome.problems and not outcome.seen:
        seen = outcome.problems[0]
    elif outcome.skipped:
        seen = f"skip: {outcome.skipped}"
    elif outcome.crash:
        seen = outcome.crash
    else:
        seen = "; ".join(outcome.seen)
    if row.known():
        seen = "; ".join(x for x in (seen, f"known: {_names(row.known())}") if x)
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


def every_point(rows: list[Row]) -> str:
    """As the guests printed them, with the verdict on each"""
    out: list[str] = []
    for row in rows:
        out.append(f"{row.test} on {row.kernel}:")
        for point in (*row.outcome.points, *row.outcome.log):
            word = ("NEW" if point.is_new else
                    f"known: {point.behaviour}" if point.is_known else
                    "ok" if point.passed else "not ok")
            out.append(f"  {word:7} {point.description}")
    return "\n".join(out)


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


def _expected(point: Point) -> str:
    if point.expected:
        return point.expected
    wanted = [d.partition(":")[2].strip() for d in point.details
              if d.strip().startswith("wanted:")]
    if wanted:
        return wanted[0]
    if point.words.startswith(KERNEL_LOG):
        return "nothing"
    return "the line as it stands" if point.kind == "kernel" else \
        "no behaviour is known"


def _came(point: Point) -> str:
    got = [d.partition(":")[2].strip() for d in point.details
           if d.strip().startswith("got:")]
    return got[0] if got and not point.seen else point.seen or "not that"


def news(rows: list[Row]) -> str:
    """What kernels did that is in no table: what the tool exists to find."""
    out: list[str] = []
    for row in rows:
        for point in row.news():
            out += [f"NEW: {row.test} on {row.kernel}: {point.words}",
                    f"     expected: {_expected(point)}",
                    f"     came:     {_came(point)}" + (
                        f" ({point.measured})" if point.measured else "")]
            if point.words.startswith(KERNEL_LOG):
                out += [f"       {line}" for line in point.details[:6]]
            out.append(f"     log: {row.log}")
    return "\n".join(out)


def behaviours(rows: list[Row], known: Behaviours) -> str:
    """The known ones that came, each with its rule and the kernels of this run."""
    met: dict[str, list[str]] = {}
    for row in rows:
        for point in row.known():
            kernels = met.setdefault(point.behaviour, [])
            if row.kernel not in kernels:
                kernels.append(row.kernel)
    out: list[str] = []
    for name, kernels in met.items():
        before = known.kernels(name)
        out.append(f"known: {name} on {', '.join(kernels)}")
        out += textwrap.wrap(f"{known.rule(name)}; seen before on "
                             f"{', '.join(before)}", 76,
                             initial_indent="    ", subsequent_indent="    ")
    return "\n".join(out)


def tally(rows: list[Row]) -> str:
    """One line about the kernels, for before the verdict"""
    points = [p for r in rows for p in r.outcome.kernel_points()]
    known = [p.behaviour for p in points if p.is_known]
    new = sum(p.is_new for p in points)
    return (f"kernel behaviour: {sum(p.behaviour == 'as expected' for p in points)}"
            f" points as expected, {len(known)} known "
            f"({len(set(known))} behaviours), {new} NEW")


def _clean(text: str) -> str:
    """XML has no place for control characters."""
    return re.sub(r"[^\t\n\x20-\ud7ff\ue000-\ufffd]", "?", text)


def _junit_point(suite: ET.Element, row: Row, point: Point) -> None:
    case = ET.SubElement(suite, "testcase", classname=row.test,
                         name=_clean(point.description))
    if point in row.failed():
        ET.SubElement(case, "failure", message="NEW" if point.of_kernel
                      else "not ok").text = _clean("\n".join(point.details))
    elif point is row.outcome.whole or point.skipped:
        ET.SubElement(case, "skipped", message=_clean(point.seen))
    elif point.is_new:
        ET.SubElement(case, "skipped", message=_clean(
            f"NEW: expected {_expected(point)}, came {_came(point)}"))
    elif point.is_known:
        ET.SubElement(case, "system-out").text = \
            _clean(f"known behaviour: {point.behaviour}")


def junit(rows: list[Row], path: pathlib.Path) -> None:
    root = ET.Element("testsuites", name="guest")
    for row in rows:
        suite = ET.SubElement(root, "testsuite",
                              name=f"{row.test} ({row.kernel})",
                              time=f"{row.outcome.seconds:.3f}")
        outcome = row.outcome
        for point in (*outcome.points, *outcome.log,
                      *([outcome.whole] if outcome.whole else [])):
            _junit_point(suite, row, point)
        # What is no test point
        for problem in [x for x in (*outcome.problems, row.unjudged()) if x]:
            case = ET.SubElement(suite, "testcase", classname=row.test,
                                 name=_clean(problem))
            ET.SubElement(case, "failure", message=_clean(problem)).text = \
                _clean("\n".join(row.tail))
        cases = suite.findall("testcase")
        suite.set("tests", str(len(cases)))
        suite.set("failures", str(len(suite.findall("testcase/failure"))))
        suite.set("skipped", str(len(suite.findall("testcase/skipped"))))
    path.parent.mkdir(parents=True, exist_ok=True)
    ET.indent(root)
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
