# What a guest says on its console.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""Judge the console of a guest: TAP, and the kernel's own troubles."""

from __future__ import annotations

import collections
import dataclasses
import re

# printk's time, and its caller where the kernel is built with that.
_STAMP = re.compile(r"^\s*(\[ *\d+\.\d+\])?(\[ *[TC]\d+\])?\s?")
_OURS = "rig: "
_POINT = re.compile(r"^(not )?ok (\d+)(?: -)?\s*(.*)$")
_SKIP = re.compile(r"#\s*skip\b\s*(.*)$", re.IGNORECASE)
_TROUBLE = re.compile(
    r"Kernel panic|Oops|\bBUG\b|WARNING:|Call trace|Internal error:|"
    r"Unable to handle kernel|rcu: INFO|soft lockup|hung_task|"
    r"blocked for more than|SError Interrupt|Bad mode in")


@dataclasses.dataclass
class Point:
    number: int
    passed: bool
    description: str
    skipped: str = ""
    details: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Outcome:
    """One program: its test points and what is wrong besides."""

    name: str
    points: list[Point] = dataclasses.field(default_factory=list)
    seen: list[str] = dataclasses.field(default_factory=list)
    problems: list[str] = dataclasses.field(default_factory=list)
    skipped: str = ""
    plan: int | None = None
    finished: bool = False
    started: float = 0.0
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        return (not self.problems and not self.skipped
                and all(p.passed for p in self.points))

    def counts(self) -> tuple[int, int]:
        """Passed and failed; a trouble without a point of its own is one."""
        good = sum(p.passed and not p.skipped for p in self.points)
        bad = sum(not p.passed for p in self.points)
        return good, bad + len(self.problems)

    def point(self, match: re.Match[str]) -> None:
        number, text = int(match.group(2)), match.group(3)
        if any(p.number == number for p in self.points):
            self.problems.append(f"test point {number} came twice")
        elif number != len(self.points) + 1:
            self.problems.append(f"test point {number} came out of order")
        skip = _SKIP.search(text)
        self.points.append(Point(number, not match.group(1), text,
                                 (skip.group(1) or "yes") if skip else ""))

    def set_plan(self, text: str) -> None:
        if self.plan is not None:
            self.problems.append("a second plan line")
        self.plan = int(re.split(r"[ #]", text[3:], maxsplit=1)[0])
        skip = _SKIP.search(text)
        if self.plan == 0:
            self.skipped = (skip.group(1) if skip else "") or "no reason given"

    def finish(self, how: str) -> None:
        """The program ended: "exit N" or "signal N"."""
        self.finished = True
        failed_points = any(not p.passed for p in self.points)
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

    def feed(self, raw: str, now: float) -> None:
        self.tail.append(raw)
        line = _STAMP.sub("", raw, count=1)
        if line.startswith(_OURS):
            self._ours(line[len(_OURS):], now)
        elif _TROUBLE.search(line) and not any(
                e.search(line) for e in self.expected):
            self._problem(f"the kernel said: {line.strip()}")

    def _problem(self, text: str) -> None:
        where = self.current.problems if self.current else self.problems
        # One trouble has many lines; the first few tell which one it is.
        if len(where) < 3:
            where.append(text)

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
        if trouble and self.current:
            self.current.problems.append(trouble)
        elif trouble:
            self.problems.append(trouble)
        elif not self.done:
            self._problem(f"the guest ended early, in the step: {self.step}")
        for outcome in self.outcomes.values():
            if not outcome.finished and not outcome.problems:
                outcome.problems.append(
                    "did not run: " + (self.problems[0] if self.problems
                                       else "the guest ended before"))
