#!/usr/bin/env python3
# How fast are copies from endpoint to endpoint?
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""Copies of a megabyte between two endpoints: below one switch, through two root
ports, and by way of the guest's memory; all in one run, by turns. The guest is
a program on the bare machine (fabric-p2p.c)."""

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

DEVICES = (
    "pcie-fabric-root-port,id=rp0,addr=1,chassis=1,slot=1,port=1",
    "pcie-fabric-upstream,id=us0,bus=rp0",
    "pcie-fabric-downstream,id=ds0,bus=us0,addr=0,chassis=2,slot=1,port=1",
    "pcie-fabric-endpoint,id=from,bus=ds0",
    "pcie-fabric-downstream,id=ds1,bus=us0,addr=1,chassis=2,slot=2,port=2",
    "pcie-fabric-endpoint,id=near,bus=ds1",
    "pcie-fabric-root-port,id=rp1,addr=2,chassis=1,slot=2,port=2",
    "pcie-fabric-endpoint,id=far,bus=rp1",
)
WAYS = {"direct": "below one switch", "across": "through two root ports",
        "memory": "through guest memory"}
# A copy that stays below the switch is one transfer instead of two.
BAR = 1.0
SECONDS = 120


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--rounds", type=int, default=200,
        help="rounds that count (default: 200)")
    add("--qemu", default=str(TOP / "build" / "qemu-system-aarch64"))
    return parser.parse_args()


def measure(args: argparse.Namespace) -> dict[str, list[float]]:
    """GiB a second, a value for each round."""
    program = build(pathlib.Path(__file__), args.rounds)
    command = [args.qemu, "-nodefaults", "-nographic", "-monitor", "none",
               "-serial", "stdio", "-M", "virt,gic-version=3", "-cpu", "max",
               "-smp", "2", "-m", "256M", "-kernel", str(program)]
    for device in DEVICES:
        command += ["-device", device]
    done = subprocess.run(command, text=True, stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=SECONDS)
    rates: dict[str, list[float]] = {way: [] for way in WAYS}
    finished = False
    for line in done.stdout.splitlines():
        words = line.split()
        if words[:1] == ["sample"] and words[1] != "0":
            rates[words[2]].append(int(words[3]) / int(words[4]) * 1e9 / 2**30)
        elif words == ["done"]:
            finished = True
        elif words[:1] != ["sample"]:
            print(f"  {line}")
    if not finished or done.returncode:
        raise ImageError(f"the guest did not finish: {done.stderr.strip()}")
    return rates


def main() -> int:
    args = arguments()
    print(f"host: {os.cpu_count()} CPUs, {platform.release()}, load "
          f"{os.getloadavg()[0]:.2f}; wall-clock time")
    print("guest: bare machine virt, -cpu max -smp 2, TCG; no SMMU; 1 MiB in "
          f"requests of 4 KiB, {args.rounds} rounds")
    rates = measure(args)
    print(f"\n{'GiB a second':26}{'min':>8}{'median':>8}{'max':>8}")
    for way, text in WAYS.items():
        values = rates[way]
        print(f"{text:26}{min(values):8.2f}{statistics.median(values):8.2f}"
              f"{max(values):8.2f}")
    ratio = (statistics.median(rates["direct"]) /
             statistics.median(rates["memory"]))
    best = max(rates["direct"]) / max(rates["memory"])
    good = ratio >= BAR
    print(f"\nbelow one switch / through guest memory: {ratio:.2f} (bar: at "
          f"least {BAR:g}, {'met' if good else 'MISSED'}; of the maxima "
          f"{best:.2f})")
    return 0 if good else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (ImageError, OSError, subprocess.TimeoutExpired) as error:
        print(f"fabric-p2p: error: {error}", file=sys.stderr)
        sys.exit(2)
