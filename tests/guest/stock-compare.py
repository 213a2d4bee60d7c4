# The machine without our devices is the machine of stock QEMU 10.0.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""Boot the same guest on Debian's QEMU and on ours; compare what it sees."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import difflib
import pathlib
import re
import subprocess
import tempfile

from harness.guest import Boot, Guest
from harness.session import Kernel, Session
from harness.table import GuestTest, parse_topology
from harness.tap import Outcome, Point

# Time is counted in instructions, and the clock starts on a fixed day: a boot
# is then the same but for microseconds, threads and their order included. The
# random seeds of the device tree are off for the same reason.
DETERMINISTIC = ["-smp 1", "-icount shift=3,sleep=off",
                 "-rtc base=2026-01-01,clock=vm"]
# Name, machine, and whether QEMU's default devices are left out.
MACHINES = (
    ("bare", "-M virt,dtb-randomness=off", True),
    ("default devices", "-M virt,dtb-randomness=off", False),
    ("GICv3 and SMMUv3",
     "-M virt,gic-version=3,iommu=smmuv3,dtb-randomness=off", True),
)

# What may differ all the same, and why.
NORMALISE: tuple[tuple[re.Pattern[str], str], ...] = (
    # printk's clock: the host's timers reach the vCPU a microsecond apart.
    (re.compile(r"^\[ *\d+\.\d+\] "), ""),
    # The same clock in the audit records.
    (re.compile(r"audit\(\d+\.\d+:"), "audit(TIME:"),
)


def normalise(lines: list[str]) -> list[str]:
    out = []
    for line in lines:
        for pattern, text in NORMALISE:
            line = pattern.sub(text, line)
        out.append(line.rstrip())
    return out


def dumped(guest: Guest, what: str) -> list[str]:
    mark = f"rig: {what}| "
    return [line.split(mark, 1)[1] for line in guest.lines if mark in line]


def device_tree(boot: Boot) -> bytes:
    with tempfile.TemporaryDirectory(prefix="rig-dtb-") as directory:
        path = pathlib.Path(directory) / "virt.dtb"
        command = boot.command()
        at = command.index("-M") + 1
        command[at] += f",dumpdtb={path}"
        done = subprocess.run(command, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60)
        if not path.exists():
            raise RuntimeError(f"no device tree: {done.stderr.strip()}")
        return path.read_bytes()


def pair(session: Session, kernel: Kernel, test: GuestTest, number: int,
         stock: str) -> tuple[list[Boot], list[Guest]]:
    """Stock and ours; the same initramfs, the same command line."""
    _, machine, nodefaults = MACHINES[number]
    root = session.build / "stock" / "root"
    # The option ROM of the default NIC, which is no part of our build.
    data = ["-L", str(root / "usr/lib/ipxe/qemu"), "-L",
            str(root / "usr/share/qemu")]
    boot = session.boot(f"{test.name}-{kernel.label}", kernel,
                        parse_topology("stock", [machine, *DETERMINISTIC]), [test])
    boot = dataclasses.replace(boot, nodefaults=nodefaults,
                               arguments=boot.arguments + data)
    boots = [dataclasses.replace(boot, qemu=q) for q in (stock, session.qemu)]
    guests = [Guest(b, session.log(f"{test.name}-{number}-{who}"))
              for b, who in zip(boots, ("stock", "ours"))]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        consoles = list(pool.map(lambda g: g.run(), guests))
    for guest, console in zip(guests, consoles):
        problems = console.problems + console.outcomes[test.name].problems
        if problems:
            raise RuntimeError(f"{guest.log_path.name}: {problems[0]}")
    return boots, guests


def run(session: Session, kernel: Kernel, test: GuestTest,
        outcome: Outcome) -> None:
    session.script("stock-qemu.sh")
    stock = str(session.build / "stock" / "qemu-system-aarch64")
    compared = 0

    def point(description: str, differences: list[str]) -> None:
        outcome.points.append(Point(len(outcome.points) + 1, not differences,
                                    description, details=differences[:40]))

    for number, (name, _, _) in enumerate(MACHINES):
        session.progress.step(test.name, name)
        boots, guests = pair(session, kernel, test, number, stock)
        trees = [device_tree(b) for b in boots]
        point(f"{name}: device tree => {len(trees[0])} bytes",
              [] if trees[0] == trees[1] else ["the device trees differ"])
        for what in ("lspci", "iomem", "dmesg"):
            sides = [normalise(dumped(g, what)) for g in guests]
            # An empty dump would be equal to another empty one.
            differences = list(difflib.unified_diff(
                *sides, "stock", "ours", lineterm="", n=0))
            if not sides[0]:
                differences = [f"the guest printed no {what}"]
            point(f"{name}: {what} => {len(sides[0])} lines", differences)
            compared += len(sides[0])
    outcome.plan = len(outcome.points)
    same = sum(p.passed for p in outcome.points)
    outcome.seen.append(f"{same} of {len(outcome.points)} dumps identical, "
                        f"{compared} lines in all, on {len(MACHINES)} machines")
