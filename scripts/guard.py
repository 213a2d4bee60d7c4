#!/usr/bin/env python3
# Run a test so that it cannot hang for ever or take the machine's memory.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""Run COMMAND under a watchdog and a limit of memory; its status is ours.

The watchdog's time stands while the command waits for a CPU, so that nothing
depends on how busy the machine is. Both limits are for the command with all
that it starts. What goes beyond them is killed, and a sentence says why.

  RIG_GUARD_SCALE   factor for the seconds, for slow builds (default: 1)
  RIG_GUARD_EXTRA   seconds to be added after that, such as a fuzzer's own"""

from __future__ import annotations

import argparse
import mmap
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent
                       / "tests" / "guest"))

from harness.patience import Patience, Tree         # noqa: E402

MIB = 1 << 20
POLL = 0.1
KILLED = 124            # our status then, as timeout(1)'s
MARK = "RIG_GUARDED"    # a guard within a guard has nothing to do
WITHIN = "RIG_GUARD_WITHIN"     # the command brings a guard of its own
# What AddressSanitizer adds to what is resident; its shadow is terabytes of
# address space, so that there can be no limit for that.
SANITIZER_FACTOR = 4


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--seconds", type=float, default=300, metavar="S",
        help="in which the command can run (default: 300)")
    add("--memory", type=int, default=3072, metavar="MIB",
        help="resident, together (default: 3072)")
    add("--address-space", type=int, default=16384, metavar="MIB",
        help="of each process (default: 16384)")
    add("--wrapper", action="store_true",
        help=f"not if {WITHIN} says that the command brings its own guard")
    add("--verbose", action="store_true", help="say what was used, at the end")
    add("command", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    if args.command[:1] == ["--"]:
        del args.command[0]
    if not args.command:
        parser.error("no command")
    args.seconds = (args.seconds * float(os.environ.get("RIG_GUARD_SCALE", 1)) +
                    float(os.environ.get("RIG_GUARD_EXTRA", 0)))
    return args


def sanitized(program: str | None) -> bool:
    """Has it AddressSanitizer? Its dynamic symbols come first in the file."""
    path = program and shutil.which(program)
    if not path:
        return False
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if not size:
            return False
        with mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as data:
            return data.find(b"__asan_init", 0, min(size, 32 * MIB)) >= 0


def tell(text: str) -> None:
    """On both: one of them is what the harness above shows."""
    sys.stdout.write(f"\nBail out! guard: {text}\n")
    sys.stdout.flush()
    sys.stderr.write(f"\nguard: {text}\n")
    sys.stderr.flush()


def picture(tree: Tree) -> list[str]:
    """Who was there, and what did each do?"""
    lines = []
    for pid in tree.processes():
        try:
            path = pathlib.Path(f"/proc/{pid}")
            name, _, rest = (path / "stat").read_text(
                errors="replace").rpartition(")")
            fields = rest.split()
            pages = int((path / "statm").read_text().split()[1])
        except (OSError, ValueError, IndexError):
            continue
        ticks = os.sysconf("SC_CLK_TCK")
        size = pages * os.sysconf("SC_PAGE_SIZE") // MIB
        lines.append(f"{pid} {name.partition('(')[2]}: state {fields[0]}, "
                     f"{int(fields[11]) / ticks:.1f} s user, "
                     f"{int(fields[12]) / ticks:.1f} s system, {size} MiB")
    return lines


def kill(tree: Tree, process: subprocess.Popen[bytes]) -> None:
    """Until nobody is left; who is quick may start others meanwhile."""
    for _ in range(50):
        pids = tree.processes()
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if not pids:
            break
        time.sleep(0.02)
        process.poll()
    process.wait()


class Guard:
    """One command under guard."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._args = args
        self._limit = args.memory
        if any(map(sanitized, (args.command[0],
                               os.environ.get("QTEST_QEMU_BINARY")))):
            self._limit *= SANITIZER_FACTOR
        else:
            size = args.address_space * MIB
            _, hard = resource.getrlimit(resource.RLIMIT_AS)
            if hard == resource.RLIM_INFINITY or size <= hard:
                resource.setrlimit(resource.RLIMIT_AS, (size, hard))
        # A core of gigabytes helps nobody.
        _, hard = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
        self._process = subprocess.Popen(
            args.command, env={**os.environ, MARK: "1"})
        self._tree = Tree(self._process.pid)
        self._patience = Patience(self._process.pid)
        self._peak = 0

    def _trouble(self) -> str | None:
        size = self._tree.resident() // MIB
        used = self._patience.elapsed()
        self._peak = max(self._peak, size)
        if size > self._limit:
            return (f"killed: {size} MiB of memory in use, "
                    f"{self._limit} are allowed")
        if used > self._args.seconds:
            return (f"killed: not done after {used:.0f} s in which it had a "
                    "CPU or waited for something else")
        return None

    def _stopped(self, number: int, _: object) -> None:
        kill(self._tree, self._process)
        sys.exit(128 + number)

    def run(self) -> int:
        """Its status, as a shell would say it."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._stopped)
        start = time.monotonic()
        while True:
            try:
                status = self._process.wait(POLL)
                break
            except subprocess.TimeoutExpired:
                trouble = self._trouble()
            if trouble:
                tell(f"{trouble}: {' '.join(self._args.command)}")
                for line in picture(self._tree):
                    sys.stderr.write(f"guard:   {line}\n")
                kill(self._tree, self._process)
                return KILLED
        # What a test leaves running would go on unguarded.
        kill(self._tree, self._process)
        if self._args.verbose:
            sys.stderr.write(f"guard: {self._patience.elapsed():.1f} of "
                             f"{time.monotonic() - start:.1f} s, at most "
                             f"{self._peak} MiB\n")
        return 128 - status if status < 0 else status


def main() -> int:
    args = arguments()
    if os.environ.get(MARK) or (args.wrapper and os.environ.get(WITHIN)):
        os.execvp(args.command[0], args.command)
    return Guard(args).run()


if __name__ == "__main__":
    sys.exit(main())
