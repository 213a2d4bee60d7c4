# How long a program has had the chance to run: time for watchdogs.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""Time that does not run while a program waits for a CPU.

A watchdog that looks at a wall clock judges the machine: beside eight busy
loops, or at the lowest priority, nothing is hung and everything is late. Linux
tells for each thread how long it ran and how long it was runnable without a
CPU (/proc/PID/task/TID/schedstat, the first and the second field, in
nanoseconds). `Patience` takes the latter off the wall clock:

    patience = Patience(process.pid)
    while process.poll() is None:
        time.sleep(0.2)
        if patience.elapsed() > 60:
            process.kill()

A program that is blocked, or that spins on a CPU of its own, uses the time up
as fast as the clock on the wall. One that gets a hundredth of a CPU may take a
hundred times as long. Where the kernel has no schedstat, the wall clock counts
for a tenth.
"""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Iterable

Key = tuple[int, int]       # a process: its number, and when it started

# Without schedstat: so many seconds of the wall clock are one.
BLIND = 10.0


def _stat(path: str) -> list[str]:
    """The fields of a stat file behind the name: the state is the first."""
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read().rpartition(")")[2].split()


class Tree:
    """Processes with all that they have started, also what outlived its
    parent meanwhile."""

    def __init__(self, *roots: int) -> None:
        self._roots = roots
        self._known: set[Key] = set()

    def processes(self) -> list[int]:
        """Their numbers at this moment, zombies left out."""
        key: dict[int, Key] = {}
        children: dict[int, list[int]] = {}
        zombies: set[int] = set()
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            try:
                fields = _stat(f"/proc/{name}/stat")
            except OSError:
                continue
            pid = int(name)
            key[pid] = (pid, int(fields[19]))
            children.setdefault(int(fields[1]), []).append(pid)
            if fields[0] in "ZX":
                zombies.add(pid)
        self._known &= set(key.values())
        queue = [*self._roots, *(pid for pid, _ in self._known)]
        found: set[int] = set()
        while queue:
            pid = queue.pop()
            if pid in key and pid not in found:
                found.add(pid)
                queue += children.get(pid, ())
        self._known = {key[pid] for pid in found}
        return sorted(found - zombies)

    def resident(self) -> int:
        """Bytes in memory; what several share counts for each."""
        pages = 0
        for pid in self.processes():
            try:
                with open(f"/proc/{pid}/statm", encoding="ascii") as file:
                    pages += int(file.read().split()[1])
            except (OSError, IndexError):
                pass
        return pages * os.sysconf("SC_PAGE_SIZE")


@dataclasses.dataclass
class _Thread:
    ran: float = 0.0
    waited: float = 0.0
    # Taken off already, before the kernel has accounted for it: it does when
    # a thread that waits gets a CPU at last
    ahead: float = 0.0
    # The end of the interval before, of which is not known whether the thread
    # waited
    open: float = 0.0

    def wait(self, now: tuple[str, float, float], interval: float) -> float:
        """The wait to be taken off for an interval, from what the kernel says
        at the end of it: the state, and seconds that it ran and waited."""
        state, ran, waited = now
        ran, self.ran = ran - self.ran, ran
        waited, self.waited = waited - self.waited, waited
        if state == "R" and ran <= 0 and waited <= 0:
            self.ahead += interval
            self.open = 0.0
            return interval
        known = min(waited, self.ahead)
        self.ahead = 0.0 if waited > 0 else self.ahead
        wait = min(waited - known, interval + self.open)
        left = max(0.0, interval - ran - wait)
        self.open = left if state == "R" else 0.0
        return wait


Reader = Callable[[int], Iterable[tuple[Key, tuple[str, float, float]]]]


def threads(pid: int) -> Iterable[tuple[Key, tuple[str, float, float]]]:
    """The threads of a process: state, seconds that each ran and waited."""
    try:
        names = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return
    for name in names:
        path = f"/proc/{pid}/task/{name}"
        try:
            fields = _stat(f"{path}/stat")
            with open(f"{path}/schedstat", encoding="ascii") as file:
                ran, waited = map(int, file.read().split()[:2])
        except (OSError, ValueError):
            continue
        yield ((int(name), int(fields[19])),
               (fields[0], ran / 1e9, waited / 1e9))


class Patience:
    """A clock for the tree of processes below `pid` (several are allowed, such
    as the program that answers the first one). It starts at zero when it is
    made, never goes back, and stands while a thread of the tree is runnable
    and has no CPU.

    Call `elapsed()` at least once a second, also when the result is of no
    interest: what a process waited between the last call and its end is lost.
    """

    def __init__(self, *pids: int, clock: Callable[[], float] = time.monotonic,
                 read: Reader = threads, tree: Tree | None = None) -> None:
        self._tree = tree or Tree(*pids)
        self._clock = clock
        self._read = read
        self._last = clock()
        self._sum = 0.0         # may be ahead of what elapsed() has said
        self._said = 0.0
        self._threads: dict[Key, _Thread] = {}
        self._blind = not os.path.exists("/proc/self/schedstat")
        for key, (_, ran, waited) in self._now():
            self._threads[key] = _Thread(ran, waited)

    def _now(self) -> Iterable[tuple[Key, tuple[str, float, float]]]:
        for pid in self._tree.processes():
            yield from self._read(pid)

    def elapsed(self) -> float:
        """Seconds since this clock was made, without those in which a thread
        waited for a CPU: of several that waited, the longest."""
        now = self._clock()
        interval, self._last = now - self._last, now
        if self._blind:
            self._sum += interval / BLIND
        else:
            self._sum += interval - self._waited(interval)
        self._said = max(self._said, self._sum)
        return self._said

    def _waited(self, interval: float) -> float:
        longest = 0.0
        seen: dict[Key, _Thread] = {}
        for key, state in self._now():
            # One that is new has begun in this interval.
            thread = seen[key] = self._threads.get(key, _Thread())
            longest = max(longest, thread.wait(state, interval))
        self._threads = seen
        return longest
