# What a guest says on its console.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""Judge the console of a guest: TAP, and the kernel's own troubles.

A test point is about the machine (kind "device") or about what the kernel made
of it ("kernel": there is an answer that is expected; "open": there is none). Its
text is "WORDS => SEEN (MEASURED)": the words name it on every kernel, what was
seen may differ between kernels, what was measured between runs."""

from __future__ import annotations

import collections
import dataclasses
import re

from . import klog
from .klog import Report

_OURS = "rig: "
_POINT = re.compile(r"^(not )?ok (\d+)(?: -)?\s*(.*)$")
_SKIP = re.compile(r"\s*# skip\b\s*(.*)$", re.IGNORECASE)
_KERNEL = re.compile(r"\s*# KERNEL( open)?$")
_MEASURED = re.compile(r"^(.*?)\s*\(([^()]*(?:\([^()]*\)[^()]*)*)\)$", re.DOTALL)
ARROW = " => "
KERNEL_LOG = "kernel log"
# More reports of one program than these are counted, not told.
_MOST_REPORTS = 8


@dataclasses.dataclass
class Point:
    number: int
    passed: bool
    description: str
    skipped: str = ""
    details: list[str] = dataclasses.field(default_factory=list)
    kind: str = "device"
    # Of a point of the kernel: which known behaviour it is, "" if it is none
    behaviour: str = ""
    expected: str = ""      # what is known, if this is not

    @property
    def words(self) -> str:
        return self.description.partition(ARROW)[0].strip()

    @property
    def seen(self) -> str:
        text = self.description.partition(ARROW)[2].strip()
        match = _MEASURED.match(text)
        return match[1] if match else text

    @property
    def measured(self) -> str:
        match = _MEASURED.match(self.description.partition(ARROW)[2].strip())
        return match[2] if match else ""

    @property
    def of_kernel(self) -> bool:
        """The kernel is judged: by what it did, or since the point could not
        be tried on it."""
        return self.kind != "device" or bool(self.skipped)

    @property
    def is_new(self) -> bool:
        return self.of_kernel and not self.behaviour

    @property
    def is_known(self) -> bool:
        """Other than expected, and seen before"""
        return self.of_kernel and self.behaviour not in ("", "as expected")


@dataclasses.dataclass
class Outcome:
    """One program: its test points and what is wrong besides."""

    name: str
    points: list[Point] = dataclasses.field(default_factory=list)
    # Reports in the kernel's log while it ran, and a point for each
    reports: list[Report] = dataclasses.field(default_factory=list)
    log: list[Point] = dataclasses.field(default_factory=list)
    seen: list[str] = dataclasses.field(default_factory=list)
    # What is wrong with the test or the machine
    problems: list[str] = dataclasses.field(default_factory=list)
    # The kernel went down: the machine could not be judged to the end
    crash: str = ""
    # The guest did not come up, or did not go off by itself
    died: bool = False
    skipped: str = ""
    whole: Point | None = None      # a point of the kernel if it was skipped
    plan: int | None = None
    finished: bool = False
    started: float = 0.0
    seconds: float = 0.0

    @property
    def judged(self) -> bool:
        """Every test point that there should be is there."""
        return self.finished and not self.crash and not self.skipped

    @property
    def passed(self) -> bool:
        """Nothing at all to tell"""
        return (not self.problems and not self.skipped and not self.crash
                and not self.log and all(p.passed for p in self.points))

    def kernel_points(self) -> list[Point]:
        return [p for p in self.points if p.of_kernel] + self.log + \
            ([self.whole] if self.whole else [])

    def point(self, match: re.Match[str]) -> None:
        number, text = int(match.group(2)), match.group(3)
        kernel = _KERNEL.search(text)
        text = _KERNEL.sub("", text)
        skip = _SKIP.search(text)
        point = Point(number, not match.group(1), _SKIP.sub("", text),
                      (skip.group(1) or "yes") if skip else "",
                      kind="device" if not kernel else
                      "open" if kernel.group(1) else "kernel")
        if skip:
            point.description = f"{point.words}{ARROW}skipped: {point.skipped}"
        if any(p.number == number for p in self.points):
            self.problems.append(f"test point {number} came twice")
        elif number != len(self.points) + 1:
            self.problems.append(f"test point {number} came out of order")
        if any(p.words == point.words for p in self.points):
            self.problems.append("two test points have the same words: "
                                 f"{point.words}")
        self.points.append(point)

    def set_plan(self, text: str) -> None:
        if self.plan is not None:
            self.problems.append("a second plan line")
        self.plan = int(re.split(r"[ #]", text[3:], maxsplit=1)[0])
        skip = _SKIP.search(text)
        if self.plan == 0:
            self.skipped = (skip.group(1) if skip else "") or "no reason given"

    def report(self, report: Report, when: str = "") -> None:
        """The kernel is in trouble while this runs."""
        self.reports.append(report)
        self.log.append(Point(0, False, KERNEL_LOG + when, kind="open"))

    def name_reports(self) -> None:
        """Once they are complete; the same one twice is one."""
        known: dict[tuple[str, str], Report] = {}
        points: list[Point] = []
        for report, point in zip(self.reports, self.log):
            words, seen = point.words, report.seen
            if (words, seen) in known:
                known[words, seen].times += 1
                continue
            known[words, seen] = report
            point.description = f"{words}{ARROW}{seen}"
            point.details = [f"in the step: {report.step}", *report.lines[:20]]
            points.append(point)
        for point, report in zip(points, known.values()):
            if report.times > 1:
                point.description += f" ({report.times} times)"
        self.reports = list(known.values())[:_MOST_REPORTS]
        if len(points) > _MOST_REPORTS:
            points[_MOST_REPORTS - 1].details.insert(
                0, f"and {len(points) - _MOST_REPORTS} reports more")
        self.log = points[:_MOST_REPORTS]

    def finish(self, how: str) -> None:
        """The program ended: "exit N" or "signal N"."""
        self.finished = True
        failed_points = any(not p.passed and p.kind == "device"
                            for p in self.points)
        if how != "exit 0" and not failed_points:
            self.problems.append(f"the program ended with {how}")
        elif how.startswith("signal"):
            self.problems.append(f"the program was killed by {how}")
        if self.plan is None:
            self.problems.append("no plan line")
        elif self.plan != len(self.points):
            self.problems.append(f"{self.plan} test points were planned, "
                                 f"{len(self.points)} came")


class Console:
    """Fed with the lines of one guest, as they come."""

    def __init__(self, programs: list[str]) -> None:
        self.outcomes = {name: Outcome(name) for name in programs}
        self.current: Outcome | None = None
        self.step = "starting the kernel"
        self.up = ""
        self.done = False
        self.tail: collections.deque[str] = collections.deque(maxlen=20)
        self.problems: list[str] = []
        self.expected: list[re.Pattern[str]] = []
        self.log = klog.Log()
        # Reports before the first program and after the last one
        self.outside: list[tuple[Report, str]] = []
        self.fatal: Report | None = None
        self.notes: list[str] = []      # modules that do not load

    def feed(self, raw: str, now: float) -> None:
        self.tail.append(raw)
        stamp, line = klog.split(raw)
        if line.startswith(_OURS):
            self._ours(line[len(_OURS):], now)
            return
        was = self.log.open
        begun = self.log.feed(stamp, line, self.step)
        if begun and any(e.search(line) for e in self.expected):
            return      # provoked; the rest of the report belongs to it
        report = begun or was
        if begun:
            self._trouble(begun)
        # It may turn out to be the end only in its second line.
        if report and report.fatal and self._counts(report):
            self.fatal = self.fatal or report

    def _counts(self, report: Report) -> bool:
        return any(report is r for r, _ in self.outside) or any(
            report is r for o in self.outcomes.values() for r in o.reports)

    def _trouble(self, report: Report) -> None:
        if self.current:
            self.current.report(report)
        else:
            self.outside.append((report, " at power-off" if self.done else
                                 " at boot" if not any(
                                     o.finished for o in self.outcomes.values())
                                 else " between two programs"))

    def _ours(self, line: str, now: float) -> None:
        word, _, rest = line.partition(" ")
        if line.startswith("# step: "):
            self.step = line[8:]
        elif word == "up:":
            self.up, self.step = rest, "setting up"
        elif word == "begin":
            self._begin(rest, now)
        elif word == "end":
            self._end(rest, now)
        elif word == "done":
            self.done, self.step = True, "powering off"
        elif self.current:
            self._program(self.current, line)
        elif " does not load: " in line:
            self.notes.append(line.removeprefix("# "))

    def _begin(self, name: str, now: float) -> None:
        self.step = f"starting {name}"
        self.current = self.outcomes.get(name)
        if self.current:
            self.current.started = now
        else:
            self.problems.append(f"an unknown program '{name}' began")

    def _end(self, rest: str, now: float) -> None:
        name, _, how = rest.partition(" ")
        if not self.current or self.current.name != name:
            self.problems.append(f"'{name}' ended without having begun")
            return
        self.current.seconds = now - self.current.started
        self.current.finish(how)
        self.current = None
        self.expected = []

    def _program(self, outcome: Outcome, line: str) -> None:
        match = _POINT.match(line)
        if match:
            outcome.point(match)
        elif re.match(r"^1\.\.\d+", line):
            outcome.set_plan(line)
        elif line.startswith("# seen: "):
            outcome.seen.append(line[8:])
        elif line.startswith("# expect-kernel: "):
            self.expected.append(re.compile(line[17:]))
        elif line.startswith("Bail out!"):
            outcome.problems.append(line)
        elif outcome.points and not outcome.points[-1].passed:
            outcome.points[-1].details.append(line.removeprefix("# "))

    def close(self, trouble: str) -> None:
        """The guest is gone; trouble says how, if it was not by itself."""
        if self.fatal:
            self._close_crashed(trouble)
        elif trouble and self.current:
            self.current.problems.append(trouble)
        elif trouble:
            self.problems.append(trouble)
        elif not self.done:
            where = self.current.problems if self.current else self.problems
            where.append(f"the guest ended early, in the step: {self.step}")
        for outcome in self.outcomes.values():
            if not outcome.finished and not outcome.problems and \
                    not outcome.crash:
                outcome.problems.append(
                    "did not run: " + (self.problems[0] if self.problems
                                       else "the guest ended before"))
            outcome.died = bool(self.fatal or trouble or not self.done)
            if outcome.skipped and self.notes:
                outcome.skipped += f" ({'; '.join(self.notes)})"
        self._attribute()

    def _close_crashed(self, trouble: str) -> None:
        """A kernel that went down takes what was to follow with it."""
        assert self.fatal
        said = self.fatal.seen
        if self.current:
            self.current.crash = f"the kernel said: {said}" + (
                f"; {trouble}" if trouble else "")
        for outcome in self.outcomes.values():
            if not outcome.finished and not outcome.crash:
                outcome.crash = f"did not run, the kernel said before: {said}"
        if trouble and not self.current and not self.done and all(
                o.finished for o in self.outcomes.values()):
            self.problems.append(trouble)

    def _attribute(self) -> None:
        """What came outside of all programs goes to the first or the last."""
        outcomes = list(self.outcomes.values())
        for report, when in self.outside if outcomes else []:
            (outcomes[0] if when == " at boot" else outcomes[-1]).report(
                report, when)
        for outcome in outcomes:
            outcome.name_reports()
