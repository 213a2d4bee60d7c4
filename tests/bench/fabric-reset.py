#!/usr/bin/env python3
# Does a device answer when it is told to, after a reset of its bus?
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""From the end of a Secondary Bus Reset to the first answer of the device below,
against link-up-ms and reset-ready-ms of the command line. The guest is a program
on the bare machine (fabric-reset.c) that does nothing but ask."""

from __future__ import annotations

import argparse
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

# link-up-ms of the port, reset-ready-ms of the endpoint
TIMES = ((0, 0), (1, 0), (10, 0), (10, 1), (10, 10), (10, 100), (100, 100))
# A timer of QEMU, and a read that comes in the meantime.
BAR_MS = 1.0
SECONDS = 120


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--rounds", type=int, default=20,
        help="resets of each device that count (default: 20)")
    add("--qemu", default=str(TOP / "build" / "qemu-system-aarch64"))
    return parser.parse_args()


def devices() -> list[str]:
    words = []
    for slot, (link, ready) in enumerate(TIMES, 1):
        words += ["-device", f"pcie-fabric-root-port,id=rp{slot},addr={slot:x},"
                  f"chassis=1,slot={slot},port={slot},link-up-ms={link}",
                  "-device", f"pcie-fabric-endpoint,id=ep{slot},bus=rp{slot},"
                  f"reset-ready-ms={ready}"]
    return words


def measure(args: argparse.Namespace) -> dict[int, list[float]]:
    """Milliseconds, a value for each reset; by the slot."""
    program = build(pathlib.Path(__file__), args.rounds)
    command = [args.qemu, "-nodefaults", "-nographic", "-monitor", "none",
               "-serial", "stdio", "-M", "virt,gic-version=3", "-cpu", "max",
               "-smp", "1", "-m", "256M", "-kernel", str(program), *devices()]
    done = subprocess.run(command, text=True, stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=SECONDS)
    times: dict[int, list[float]] = {}
    finished = False
    for line in done.stdout.splitlines():
        words = line.split()
        if words[:1] == ["sample"] and words[1] != "0":
            times.setdefault(int(words[2]), []).append(int(words[4]) / 1e6)
        elif words == ["done"]:
            finished = True
        elif words[:1] != ["sample"]:
            print(f"  {line}")
    if not finished or done.returncode:
        raise ImageError(f"the guest did not finish: {done.stderr.strip()}")
    return times


def main() -> int:
    args = arguments()
    missed = 0
    print(f"host: {os.cpu_count()} CPUs, {platform.release()}, load "
          f"{os.getloadavg()[0]:.2f}; wall-clock time, taken by the guest's "
          "virtual counter")
    print(f"guest: bare machine virt, TCG; {args.rounds} resets of each device")
    times = measure(args)
    print(f"\n{'milliseconds':24}{'told':>8}{'min':>9}{'median':>9}{'max':>9}")
    for slot, (link, ready) in enumerate(TIMES, 1):
        told, values = link + ready, times[slot]
        median = statistics.median(values)
        good = min(values) >= told and median - told <= BAR_MS
        missed += not good
        print(f"link {link:3}, device {ready:3}{told:13}{min(values):9.3f}"
              f"{median:9.3f}{max(values):9.3f}{'' if good else '  MISSED'}")
    print("\nnever before its time, and the median at most "
          f"{BAR_MS:g} ms after it: {'MISSED' if missed else 'met'}")
    return 1 if missed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (ImageError, OSError, subprocess.TimeoutExpired) as error:
        print(f"fabric-reset: error: {error}", file=sys.stderr)
        sys.exit(2)
