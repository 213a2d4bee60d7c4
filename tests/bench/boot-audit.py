#!/usr/bin/env python3
# What does the fabric's reset audit cost while a kernel boots?
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""Interleaved boots of one kernel with the devices of a topology, the audit of
all root ports on and off, in one run. CPU time of QEMU is what counts: it does
not depend on what else the host does. The wall-clock time is shown as well."""

from __future__ import annotations

import argparse
import dataclasses
import os
import pathlib
import platform
import resource
import statistics
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "guest"))

from harness.guest import Boot, Guest               # noqa: E402
from harness.image import ImageError                # noqa: E402
from harness.session import TOP, Session            # noqa: E402
from harness.table import read_topology             # noqa: E402

BAR = 1.02
PORT = "pcie-fabric-root-port,"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--count", type=int, default=10,
        help="boots on each side (default: 10)")
    add("--kernel", default="debian:stable")
    add("--topology", default="pcie-tree")
    add("--qemu", default=str(TOP / "build/qemu-system-aarch64"))
    return parser.parse_args()


def with_audit(boot: Boot, value: str) -> Boot:
    words = [f"{word},audit={value}" if word.startswith(PORT) else word
             for word in boot.arguments]
    return dataclasses.replace(boot, arguments=words)


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def one(session: Session, boot: Boot, side: str) -> tuple[float, float]:
    """CPU time of the whole boot, and wall-clock time up to user space."""
    before = cpu_seconds()
    guest = Guest(boot, session.log(f"boot-audit-{side}"))
    console = guest.run()
    if console.problems:
        raise ImageError(f"boot with audit={side}: {console.problems[0]}; "
                         f"{guest.log_path}")
    return cpu_seconds() - before, guest.up_seconds


def show(what: str, times: dict[str, list[float]]) -> float:
    for side, values in times.items():
        print(f"{what:12} audit={side:4}{min(values):8.2f}"
              f"{statistics.median(values):8.2f}{max(values):8.2f}")
    pairs = statistics.median(on / off for on, off in
                              zip(times["on"], times["off"]))
    print(f"{what:12} on / off: of the medians "
          f"{statistics.median(times['on']) / statistics.median(times['off']):.3f}"
          f", of the minima {min(times['on']) / min(times['off']):.3f}, median "
          f"of the neighbouring pairs {pairs:.3f}")
    return pairs


def main() -> int:
    args = arguments()
    session = Session(os.path.abspath(args.qemu))
    session.script("guest-userland.sh")
    kernel = session.kernel(args.kernel, None)
    boot = session.boot("boot-audit", kernel, read_topology(args.topology), [])
    print(f"host: {os.cpu_count()} CPUs, {platform.release()}, load "
          f"{os.getloadavg()[0]:.2f}")
    print(f"guest: Linux {kernel.label}, -M virt -cpu max -smp 2, TCG; devices: "
          f"{args.topology}")
    cpu: dict[str, list[float]] = {"on": [], "off": []}
    wall: dict[str, list[float]] = {"on": [], "off": []}
    for turn in range(args.count):
        # Neither side is always the first of a pair.
        for side in ("on", "off") if turn % 2 else ("off", "on"):
            used, up = one(session, with_audit(boot, side), side)
            cpu[side].append(used)
            wall[side].append(up)
            print(f"  boot {turn + 1:2} audit={side:4} {used:6.2f} s of CPU, up "
                  f"after {up:6.2f} s", flush=True)
    print(f"\n{'seconds':21}{'min':>8}{'median':>8}{'max':>8}")
    ratio = show("CPU time", cpu)
    show("user space", wall)
    good = ratio <= BAR
    print(f"\nCPU time of a boot, audit on / off: {ratio:.3f} (bar: {BAR}, "
          f"{'met' if good else 'MISSED'})")
    return 0 if good else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ImageError as error:
        print(f"boot-audit: error: {error}", file=sys.stderr)
        sys.exit(2)
