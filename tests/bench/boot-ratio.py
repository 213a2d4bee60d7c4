#!/usr/bin/env python3
# How long does a boot take on our QEMU, compared with Debian's own?
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""Interleaved boots of one kernel on stock QEMU and on ours, in one run."""

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

from harness.guest import Guest                     # noqa: E402
from harness.image import ImageError                # noqa: E402
from harness.session import TOP, Session            # noqa: E402
from harness.table import parse_topology            # noqa: E402

BAR = 1.05


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10,
                        help="boots on each side (default: 10)")
    parser.add_argument("--kernel", default="debian:stable")
    parser.add_argument("--qemu", default=str(TOP / "build/qemu-system-aarch64"))
    return parser.parse_args()


def version(qemu: str) -> str:
    done = subprocess.run([qemu, "--version"], capture_output=True, text=True)
    return done.stdout.splitlines()[0] if done.stdout else "does not run"


def main() -> int:
    args = arguments()
    session = Session(os.path.abspath(args.qemu))
    session.script("guest-userland.sh")
    session.script("stock-qemu.sh")
    kernel = session.kernel(args.kernel, None)
    sides = {"stock": str(session.build / "stock/qemu-system-aarch64"),
             "ours": session.qemu}
    topology = parse_topology("bench", ["-M virt,dtb-randomness=off"])
    boot = session.boot("boot-ratio", kernel, topology, [])
    print(f"host: {os.cpu_count()} CPUs, {platform.release()}; wall-clock time")
    for side, qemu in sides.items():
        print(f"{side}: {version(qemu)}")
    print(f"guest: Linux {kernel.label}, -M virt -cpu max -smp 2, TCG")
    up: dict[str, list[float]] = {side: [] for side in sides}
    off: dict[str, list[float]] = {side: [] for side in sides}
    for turn in range(args.count):
        for side, qemu in sides.items():
            guest = Guest(dataclasses.replace(boot, qemu=qemu),
                          session.log(f"boot-ratio-{side}"))
            console = guest.run()
            if console.problems:
                raise ImageError(f"boot {turn + 1} on {side}: "
                                 f"{console.problems[0]}; {guest.log_path}")
            up[side].append(guest.up_seconds)
            off[side].append(guest.seconds)
            print(f"  boot {turn + 1:2} {side:5}  {guest.up_seconds:6.2f} s  "
                  f"{guest.seconds:6.2f} s", flush=True)
    return conclude(up, off)


def conclude(up: dict[str, list[float]], off: dict[str, list[float]]) -> int:
    print(f"\n{'':16}{'min':>8}{'median':>8}{'max':>8}")
    for what, times in (("user space", up), ("power-off", off)):
        for side, values in times.items():
            print(f"{what:10} {side:5}{min(values):8.2f}"
                  f"{statistics.median(values):8.2f}{max(values):8.2f}")
    ratio = statistics.median(off["ours"]) / statistics.median(off["stock"])
    least = min(off["ours"]) / min(off["stock"])
    pairs = statistics.median(a / b for a, b in zip(off["ours"], off["stock"]))
    print("\nratio ours/stock, power-on to power-off:")
    print(f"  of the medians {ratio:.3f} (bar: {BAR}), of the minima {least:.3f}, "
          f"median of the neighbouring pairs {pairs:.3f}")
    return 0 if ratio <= BAR else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ImageError as error:
        print(f"boot-ratio: error: {error}", file=sys.stderr)
        sys.exit(2)
