#!/usr/bin/env python3
# How fast are AtomicOps, and does a deep tree of switches slow them down?
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""AtomicOps and plain DMA of the fabric's endpoint, directly below a root port
and below nested switches, and an NVMe controller beside it; all in one run.

The guest is a program on the bare machine (fabric-atomics.c), so that nothing
but the devices is measured. Each of its rounds goes through everything.

One operation is one descriptor: the request itself, a write that returns its
results and one that completes it, and a sixteenth of a read that fetches
descriptors. NVMe reads the same way: an entry, the data, a completion. QEMU's
edu is no match: it waits 100 ms for each transfer, whatever its size."""

from __future__ import annotations

import argparse
import dataclasses
import os
import pathlib
import platform
import statistics
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "guest"))

from bare import build                              # noqa: E402
from harness.image import ImageError                # noqa: E402
from harness.session import TOP                     # noqa: E402

DEPTHS = (0, 1, 2, 4, 8)
ATOMIC, WRITE, WRITE64, READ = "fetchadd-64", "write-8", "write-64", "read-8"
NVME = "nvme-read-512"
BAR_ATOMIC_TO_WRITE = 1.5
BAR_DEPTH = 1.2
BAR_RATE = 1e6
SECONDS = 300


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--rounds", type=int, default=100,
        help="rounds that count (default: 100)")
    add("--smp", type=int, default=2, help="CPUs; with one alone the endpoint "
        "works in the CPU's own thread (default: 2)")
    add("--qemu", default=str(TOP / "build" / "qemu-system-aarch64"))
    add("--verbose", action="store_true", help="show each sample")
    return parser.parse_args()


def devices() -> list[str]:
    """An endpoint below each number of switches, and an NVMe controller."""
    lines = []
    for slot, depth in enumerate(DEPTHS, 1):
        parent = f"rp{depth}"
        lines.append(f"pcie-fabric-root-port,id={parent},addr={slot:x},"
                     f"chassis=1,slot={slot},port={slot}")
        for level in range(1, depth + 1):
            switch = f"d{depth}l{level}"
            lines.append(f"pcie-fabric-upstream,id={switch}us,bus={parent}")
            lines.append(f"pcie-fabric-downstream,id={switch}ds,bus={switch}us,"
                         f"addr=0,chassis={16 * slot + level},slot=1,port=1")
            parent = f"{switch}ds"
        lines.append(f"pcie-fabric-endpoint,id=ep{depth},bus={parent}")
    lines.append("nvme,drive=disk,serial=bench,addr=1e")
    return [word for line in lines for word in ("-device", line)]


def command(args: argparse.Namespace, program: pathlib.Path) -> list[str]:
    return [args.qemu, "-nodefaults", "-nographic", "-monitor", "none",
            "-serial", "stdio", "-M", "virt,gic-version=3", "-cpu", "max",
            "-smp", str(args.smp), "-m", "256M", "-kernel", str(program),
            "-blockdev", "null-co,node-name=disk,size=67108864,read-zeroes=on",
            *devices()]


@dataclasses.dataclass(frozen=True)
class Cell:
    depth: int      # -1: not one of our endpoints
    what: str


class Times:
    """Nanoseconds for one operation, a value for each round."""

    def __init__(self) -> None:
        self.cells: dict[Cell, list[float]] = {}

    def add(self, depth: str, what: str, count: str, ns: str) -> None:
        cell = Cell(int(depth), what)
        self.cells.setdefault(cell, []).append(int(ns) / int(count))

    def median(self, depth: int, what: str) -> float:
        return statistics.median(self.cells[Cell(depth, what)])

    def ratio(self, over: Cell, under: Cell) -> tuple[float, float]:
        """Of the medians, and of the minima."""
        return (self.median(over.depth, over.what) /
                self.median(under.depth, under.what),
                min(self.cells[over]) / min(self.cells[under]))


def measure(args: argparse.Namespace) -> Times:
    times, finished = Times(), False
    done = subprocess.run(command(args, build(pathlib.Path(__file__), args.rounds)), text=True,
                          stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=SECONDS)
    for line in done.stdout.splitlines():
        words = line.split()
        if args.verbose:
            print(f"  {line}")
        if words[:1] == ["sample"] and words[1] != "0":
            times.add(*words[2:])
        elif words == ["done"]:
            finished = True
        elif words[:1] != ["sample"]:
            print(f"  {line}")
    if not finished or done.returncode:
        raise ImageError(f"the guest did not finish: {done.stderr.strip()}")
    return times


def show(times: Times) -> None:
    print(f"\n{'':26}{'ns for one':^24}{'million a second':>18}")
    print(f"{'':26}{'min':>8}{'median':>8}{'max':>8}{'(median)':>18}")
    for cell, values in sorted(times.cells.items(),
                               key=lambda c: (c[0].what, c[0].depth)):
        where = ("beside it" if cell.depth < 0 else "direct" if not cell.depth
                 else f"{cell.depth} switch" + ("es" if cell.depth > 1 else ""))
        median = statistics.median(values)
        print(f"{cell.what:15}{where:11}{min(values):8.0f}{median:8.0f}"
              f"{max(values):8.0f}{1e3 / median:18.2f}")


def conclude(times: Times) -> int:
    missed = 0

    def ratio(text: str, over: Cell, under: Cell, bar: float | None) -> None:
        nonlocal missed
        value, minima = times.ratio(over, under)
        judged = (f"bar: {bar}, " + ("met" if value <= bar else "MISSED")
                  if bar else "no bar")
        missed += bool(bar and value > bar)
        print(f"  {text:44}{value:6.2f}  ({judged}; of the minima "
              f"{minima:.2f})")

    deepest = DEPTHS[-1]
    print("\nratios of the medians:")
    for depth in DEPTHS:
        ratio(f"FetchAdd / 8-byte write, {depth} switches", Cell(depth, ATOMIC),
              Cell(depth, WRITE), BAR_ATOMIC_TO_WRITE)
    ratio("FetchAdd / 64-byte write, direct", Cell(0, ATOMIC), Cell(0, WRITE64),
          None)
    for what in (ATOMIC, WRITE):
        ratio(f"{what}, {deepest} switches / direct", Cell(deepest, what),
              Cell(0, what), BAR_DEPTH)
    ratio("NVMe read of 512 bytes / FetchAdd, direct", Cell(-1, NVME),
          Cell(0, ATOMIC), None)
    rate = 1e9 / times.median(0, ATOMIC)
    missed += rate < BAR_RATE
    judged = "met" if rate >= BAR_RATE else "MISSED"
    print(f"\nAtomicOps a second, direct: {rate / 1e6:.2f} million (bar: "
          f"{BAR_RATE / 1e6:g} million, {judged})")
    return 1 if missed else 0


def main() -> int:
    args = arguments()
    version = subprocess.run([args.qemu, "--version"], capture_output=True,
                             text=True).stdout.splitlines()
    print(f"host: {os.cpu_count()} CPUs, {platform.release()}, load "
          f"{os.getloadavg()[0]:.2f}; wall-clock time, taken by the guest's "
          "virtual counter")
    print(f"ours: {version[0] if version else 'does not run'}")
    print(f"guest: bare machine virt, -cpu max -smp {args.smp}, TCG; no SMMU; "
          f"{args.rounds} rounds, everything by turns")
    times = measure(args)
    show(times)
    return conclude(times)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (ImageError, OSError, subprocess.TimeoutExpired) as error:
        print(f"fabric-atomics: error: {error}", file=sys.stderr)
        sys.exit(2)
