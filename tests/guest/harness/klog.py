# What a kernel says when it is in trouble.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""One report of the kernel's log has many lines: find where it begins and ends,
and give it a headline that is the same each time the same thing happens."""

from __future__ import annotations

import dataclasses
import re

# printk's time, and its caller where the kernel is built with that.
_STAMP = re.compile(r"^\s*(?:\[ *(\d+\.\d+)\])?(?:\[ *[TC]\d+\])?\s?")
# After these nothing that the guest says can be relied upon, if it still says
# anything at all.
_FATAL = re.compile(
    r"Kernel panic|Internal error:|Unable to handle kernel|"
    r"soft lockup|[Hh]ard LOCKUP|rcu: INFO|blocked for more than|"
    r"SError Interrupt|Bad mode in|kernel BUG at")
_TROUBLE = re.compile(
    _FATAL.pattern + r"|Oops|\bBUG\b|WARNING:|INFO: [a-z ]*lock|"
    r"UBSAN:|[Cc]all [Tt]race:|hung_task|DEBUG_LOCKS_WARN_ON")
# These begin a report even where another one has not ended.
_BEGIN = re.compile(r"^(watchdog: )?(BUG|WARNING|UBSAN|INFO|rcu: INFO)\b")
_END = re.compile(r"---\[ end |Kernel panic - not syncing")
# Lines of one report follow each other closely in the guest's time.
_GAP_SECONDS = 1.0
_MOST_LINES = 120
_SYMBOL = r"([A-Za-z_][\w.]*)\+0x[0-9a-f]+/0x[0-9a-f]+(?: \[\w+\])?"
_PC = re.compile(r"\bpc : " + _SYMBOL)
_LOCK = re.compile(r"^[0-9a-f]{8,16} \((.+?)\)\{")
# What differs each time: who ran where, addresses, numbers.
_NOISE = (
    (re.compile(r"^.*?watchdog: "), ""),
    (re.compile(r"\b(?:CPU|PID|Comm|UID): ?\S+ "), ""),
    (re.compile(r",? CPU#\d+.*$"), ""),
    (re.compile(r" on CPU ?\d+\b|\bCPU ?\d+: "), ""),
    (re.compile(r"(\.[chS]):\d+"), r"\1"),
    (re.compile(_SYMBOL), r"\1"),
    (re.compile(r" at virtual address \S+| at addr \S+"), ""),
    (re.compile(r"\btask \S+:\d+ "), "task "),
    (re.compile(r" for more than \d+ seconds"), ""),
    (re.compile(r" \[#\d+\]| SMP\b| PREEMPT\b| PREEMPT_\w+\b"), ""),
    (re.compile(r"\b(?:0x)?[0-9a-f]{8,16}\b"), "ADDRESS"),
    (re.compile(r"\s+"), " "),
)


def split(raw: str) -> tuple[float | None, str]:
    """A line of the console: printk's time if it has one, and the text."""
    match = _STAMP.match(raw)
    assert match
    return float(match[1]) if match[1] else None, raw[match.end():]


def headline(text: str) -> str:
    for pattern, instead in _NOISE:
        text = pattern.sub(instead, text)
    return text.strip(" :!,.-")


@dataclasses.dataclass
class Report:
    """From the headline to the last line that belongs to it."""

    first: str
    step: str
    lines: list[str] = dataclasses.field(default_factory=list)
    fatal: bool = False
    times: int = 1
    last: float = 0.0

    @property
    def seen(self) -> str:
        """The headline, and what tells it from others of its kind: where an
        oops happened, which locks an inversion is about."""
        text = headline(self.first)
        places = [m[1] for m in map(_PC.search, self.lines) if m]
        locks = list(dict.fromkeys(
            m[1] for m in map(_LOCK.match, self.lines) if m))
        if places:
            text += f" in {places[0]}"
        if locks:
            text += ": " + ", ".join(locks[:2])
        return text

    def matches(self, pattern: str) -> bool:
        return any(re.search(pattern, line) for line in self.lines)


class Log:
    """Fed with the kernel's own lines; collects reports."""

    def __init__(self) -> None:
        self.open: Report | None = None
        self.latest: Report | None = None

    def feed(self, stamp: float | None, line: str, step: str) -> Report | None:
        """The report that this line begins, if it begins one."""
        report = self.open
        if report and stamp is not None and stamp > report.last + _GAP_SECONDS:
            report = self.open = None
        if report and not (_BEGIN.search(line) and _TROUBLE.search(line)):
            report.lines.append(line)
            report.last = max(report.last, stamp or 0.0)
            report.fatal |= bool(_FATAL.search(line))
            if _END.search(line) or len(report.lines) > _MOST_LINES:
                self.open = None
            return None
        if not _TROUBLE.search(line):
            return None
        if self._ends_in_panic(stamp, line):
            return None
        self.open = self.latest = Report(line.strip(), step, [line],
                           bool(_FATAL.search(line)), last=stamp or 0.0)
        begun = self.open
        if _END.search(line):
            self.open = None
        return begun

    def _ends_in_panic(self, stamp: float | None, line: str) -> bool:
        """An oops that is said to be fatal: the panic is no news of its own."""
        latest = self.latest
        if not latest or not latest.fatal or "Kernel panic" not in line or \
                (stamp or 0.0) > latest.last + _GAP_SECONDS:
            return False
        latest.lines.append(line)
        return True
