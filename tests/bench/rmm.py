#!/usr/bin/env python3
# How fast does arm-rmm answer, and what do granule protection checks cost?
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""RMI calls against PSCI_VERSION on stock QEMU, delegation, rounds of an
operation, and boots of Linux without arm-rmm, with gpc=off and with gpc=on."""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import platform
import resource
import statistics
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "guest"))

from harness.guest import Guest                     # noqa: E402
from harness.image import ImageError, compiler      # noqa: E402
from harness.session import TOP, Session            # noqa: E402
from harness.table import HERE, parse_topology      # noqa: E402

BAR_CALL = 1.5          # RMI_VERSION over PSCI_VERSION on stock QEMU
BAR_DELEGATE_MS = 50
BAR_BOOT = 1.05
MACHINE = "virt,virtualization=on,secure=on,gic-version=3,dtb-randomness=off"
DEVICES = {"without": [], "gpc=off": ["-device arm-rmm,gpc=off"],
           "gpc=on": ["-device arm-rmm,gpc=on"]}
ROUNDS = (0, 100, 200, 500, 1000)     # rmm.c has the same
REPEATS = 100           # as well
BAR_LINE = 0.15         # how far a point may be from the straight line


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--boots", type=int, default=5,
                        help="boots of each kind, 0 for none (default: 5)")
    parser.add_argument("--kernel", default="debian:stable")
    parser.add_argument("--qemu", default=str(TOP / "build/qemu-system-aarch64"))
    return parser.parse_args()


def build(session: Session) -> pathlib.Path:
    target = session.build / "guest" / "bin" / "rmm-bench.elf"
    target.parent.mkdir(parents=True, exist_ok=True)
    sources = [pathlib.Path(__file__).with_suffix(".c"),
               HERE / "rmi" / "machine.c"]
    command = [compiler(), "-std=gnu11", "-O2", "-g0", "-Wall", "-Wextra",
               "-Werror", "-ffreestanding", "-nostdlib", "-static", "-no-pie",
               "-fno-pic", "-fno-stack-protector", "-mgeneral-regs-only",
               "-mstrict-align", "-mno-outline-atomics", "-march=armv8.1-a",
               "-fno-tree-loop-distribute-patterns",
               "-Wl,-Ttext=0x40400000", "-Wl,--build-id=none",
               "-I", str(HERE / "rmi"), "-o", str(target), *map(str, sources)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise ImageError(f"rmm.c does not compile:\n{done.stderr}")
    return target


def script() -> str:
    # Operations without memory; each rule for so many calls, then the next.
    rules = [{"command": "REC_CREATE", "times": REPEATS,
              "sro": {"donate": [], "rounds": rounds}} for rounds in ROUNDS]
    return json.dumps({"rules": rules}).replace(",", ",,")


def samples(command: list[str]) -> dict[str, list[float]]:
    """Nanoseconds for one of each kind."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, text=True,
                          capture_output=True, timeout=120)
    found: dict[str, list[float]] = {}
    for line in done.stdout.splitlines():
        words = line.split()
        if words[:1] == ["error"]:
            raise ImageError(f"the program failed: {line}")
        if words[:1] == ["sample"]:
            found.setdefault(words[1], []).append(int(words[3]) / int(words[2]))
    if not found:
        raise ImageError(f"no samples; {done.stderr.strip()}")
    return found


def measure(session: Session, program: pathlib.Path) -> bool:
    common = ["-nodefaults", "-display", "none", "-monitor", "none",
              "-serial", "stdio", "-m", "3G", "-smp", "1", "-no-reboot"]
    stock = samples([str(session.build / "stock/qemu-system-aarch64"), *common,
                     "-M", "virt,virtualization=on,gic-version=3",
                     "-cpu", "max", "-kernel", str(program)])
    rmm = [session.qemu, *common, "-M", MACHINE, "-cpu", "max,x-rme=on",
           "-device"]
    # Rules cost time, so the plain calls are made without any.
    ours = samples([*rmm, f"arm-rmm,rec-granules=0,bl33={program}"])
    scripted = samples([*rmm, f"arm-rmm,script={script()},bl33={program}"])
    psci = min(stock["psci-version"])
    ratio = min(ours["rmi-version"]) / psci
    delegate = statistics.median(ours["delegate-1gib"]) / 1e6
    print(f"PSCI_VERSION on stock QEMU {psci:8.0f} ns")
    print(f"PSCI_VERSION               {min(ours['psci-version']):8.0f} ns")
    print(f"RMI_VERSION                {min(ours['rmi-version']):8.0f} ns, "
          f"{ratio:.2f} times stock's PSCI_VERSION (bar: {BAR_CALL})")
    print(f"delegate 1 GiB in one call {delegate:8.2f} ms (bar: "
          f"{BAR_DELEGATE_MS}), {1000 / delegate:.0f} GiB/s; undelegate "
          f"{statistics.median(ours['undelegate-1gib']) / 1e6:.1f} ms")
    print(f"delegate page by page      "
          f"{statistics.median(ours['delegate-pages']):8.0f} ns a page")
    took = {rounds: min(scripted[f"rec-rounds-{rounds}"]) for rounds in ROUNDS}
    # Linear: the minima lie on the line through the first and the last one.
    first, last = took[ROUNDS[0]], took[ROUNDS[-1]]
    off = 0.0
    for rounds, ns in took.items():
        line = first + (last - first) * rounds / ROUNDS[-1]
        off = max(off, abs(ns / line - 1))
        print(f"REC_CREATE, {rounds:4} rounds    {ns:8.0f} ns; the line "
              f"{line:8.0f} ns")
    print(f"{(last - first) / ROUNDS[-1]:.0f} ns a round; farthest from the line "
          f"{off:.1%} (bar: {BAR_LINE:.0%})")
    linear = off <= BAR_LINE
    return ratio <= BAR_CALL and delegate <= BAR_DELEGATE_MS and linear


def cpu_seconds() -> float:
    """Of all processes that have ended. Unlike the clock on the wall it does not
    count what else the host is busy with."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def boots(session: Session, count: int, spec: str) -> bool:
    session.script("guest-userland.sh")
    kernel = session.kernel(spec, None)
    up: dict[str, list[float]] = {name: [] for name in DEVICES}
    cpu: dict[str, list[float]] = {name: [] for name in DEVICES}
    for _ in range(count):
        for name, devices in DEVICES.items():
            topology = parse_topology(
                "rmm", [f"-M {MACHINE}", "-cpu max,x-rme=on", *devices])
            guest = Guest(session.boot("rmm-bench", kernel, topology, []),
                          session.log("rmm-bench"))
            before = cpu_seconds()
            console = guest.run()
            cpu[name].append(cpu_seconds() - before)
            if console.problems:
                raise ImageError(f"boot {name}: {console.problems[0]}")
            up[name].append(guest.up_seconds)
    for name, values in up.items():
        print(f"Linux {kernel.label} to user space, {name:8} "
              f"median {statistics.median(values):.2f} s; to the end, CPU time "
              f"median {statistics.median(cpu[name]):.2f} s, "
              f"min {min(cpu[name]):.2f} s")
    middle = (statistics.median(cpu["gpc=on"]) /
              statistics.median(cpu["without"]))
    least = min(cpu["gpc=on"]) / min(cpu["without"])
    print(f"gpc=on over without, CPU time: medians {middle:.3f}, minima "
          f"{least:.3f} (bar: {BAR_BOOT})")
    return min(least, middle) <= BAR_BOOT


def main() -> int:
    args = arguments()
    session = Session(os.path.abspath(args.qemu))
    session.script("stock-qemu.sh")
    print(f"host: {os.cpu_count()} CPUs, {platform.release()}; wall-clock time")
    good = measure(session, build(session))
    if args.boots:
        good &= boots(session, args.boots, args.kernel)
    return 0 if good else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (ImageError, subprocess.TimeoutExpired) as error:
        print(f"rmm: error: {error}", file=sys.stderr)
        sys.exit(2)
