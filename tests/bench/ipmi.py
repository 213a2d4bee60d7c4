#!/usr/bin/env python3
# How fast does ipmi-bmc-multi answer, compared with ipmi-bmc-sim?
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""Get Device ID on three system interfaces of one guest: that of QEMU's own
ipmi-bmc-sim, that of ipmi-bmc-multi, and that of one with twelve channels; and a
thousand commands that the host puts onto one of those. First KCS, then BT.

The guest's program (ipmi-bench.c) goes through /dev/ipmiN of an unmodified
kernel, as ipmitool does. The bar is on the median time of a request."""

from __future__ import annotations

import argparse
import dataclasses
import os
import pathlib
import platform
import statistics
import sys
import time

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "guest"))

from harness.guest import Guest                     # noqa: E402
from harness.image import ImageError                # noqa: E402
from harness.session import TOP, Kernel, Session    # noqa: E402
from harness.table import GuestTest, parse_topology     # noqa: E402

BAR = 1.05
MODULES = ("ipmi_msghandler", "ipmi_devintf", "ipmi_si")
SECONDS = 300
CHANNELS = 12
QUEUED_ON = "channels"
# /dev/ipmiN, in the order of the slots
NAMES = ("ipmi-bmc-sim", "ipmi-bmc-multi", f"{CHANNELS} channels")
SIM, OURS, WITH_CHANNELS = range(3)
# KCS has a handshake for each byte: both BMCs give 11 bytes to the first command,
# none has the auxiliary firmware revision; and one byte to the second.
# Numbers 0 to Bh are all that IPMI has for channels, besides the interface's own.
DEVICE_ID, ENABLES = 0x01, 0x2f
COMMANDS = {DEVICE_ID: "Get Device ID", ENABLES: "Get BMC Global Enables"}
Key = tuple[int, int]           # interface and command


def devices(kind: str) -> list[str]:
    """QEMU 10.0 cannot have two ipmi-bmc-sim in one machine: KCS and BT have
    to have a guest each."""
    return [
        "ipmi-bmc-sim,id=sim,guid=00000000-0000-4000-8000-000000000001",
        "ipmi-bmc-multi,id=ours,product_id=1",
        f"ipmi-bmc-multi,id={QUEUED_ON},product_id=2",
        *(f"ipmi-channel,bmc={QUEUED_ON},number={n},medium="
          f"{'lan' if n % 2 else 'ipmb'},any-address=on"
          for n in range(CHANNELS)),
        f"pci-ipmi-{kind},bmc=sim,addr=1",
        f"pci-ipmi-{kind},bmc=ours,addr=2",
        f"pci-ipmi-{kind},bmc={QUEUED_ON},addr=3",
    ]


class Program(GuestTest):
    """A guest program that lies here, not beside the guest tests."""

    @property
    def source(self) -> pathlib.Path | None:
        return HERE / f"{self.name}.c"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kernel", default="debian:stable")
    parser.add_argument("--qemu",
                        default=str(TOP / "build" / "qemu-system-aarch64"))
    return parser.parse_args()


def inject(guest: Guest) -> None:
    """Put as many commands onto channel 0 as the guest asks for. The queue has
    its limit; a peer on a real bus would try again as well."""
    qmp = None
    for line in guest.follow("# inject "):
        qmp = qmp or guest.qmp()
        for n in range(int(line.split()[-1])):
            while True:
                try:
                    qmp.command("ipmi-request", bmc=QUEUED_ON, channel=0,
                                netfn=0x30, cmd=0x41, sequence=n & 0x3f)
                    break
                except RuntimeError as error:
                    if "queue is full" not in str(error):
                        raise
                    time.sleep(0.0005)


@dataclasses.dataclass
class Figures:
    """Nanoseconds for one request; one value for each round."""

    mean: dict[Key, list[float]] = dataclasses.field(default_factory=dict)
    p50: dict[Key, list[float]] = dataclasses.field(default_factory=dict)
    p99: dict[Key, list[float]] = dataclasses.field(default_factory=dict)
    queued: float = 0.0         # nanoseconds for one message

    def line(self, words: list[str]) -> None:
        if words[0] == "queue":
            self.queued = int(words[2]) / int(words[1])
            return
        n, cmd, count, total, p50, p99 = map(int, words[1:])
        self.mean.setdefault((n, cmd), []).append(total / count)
        self.p50.setdefault((n, cmd), []).append(p50)
        self.p99.setdefault((n, cmd), []).append(p99)

    def ratio(self, over: Key, under: Key) -> tuple[float, float]:
        """In the time of the request in the middle, and in the mean; of both, the
        median of the rounds. The first one is judged: whatever else the host
        does stops a few requests for milliseconds, and moves the mean alone."""
        return (statistics.median(self.p50[over]) /
                statistics.median(self.p50[under]),
                statistics.median(self.mean[over]) /
                statistics.median(self.mean[under]))


def measure(session: Session, kernel: Kernel, kind: str) -> Figures:
    program = Program("ipmi-bench", ("bench",), ("stable",), "bench", MODULES,
                      SECONDS, "")
    name = f"ipmi-bench-{kind}"
    topology = parse_topology(name, [f"-device {d}" for d in devices(kind)])
    guest = Guest(session.boot(name, kernel, topology, [program]),
                  session.log(name))
    console = guest.run([inject])
    outcome = console.outcomes[program.name]
    if not outcome.passed or console.problems:
        raise ImageError(f"the guest did not finish: {guest.log_path}: "
                         f"{[*outcome.problems, *console.problems]}")
    figures = Figures()
    for line in guest.lines:
        words = line.partition("rig: # ")[2].split()
        if words[:1] in (["sample"], ["queue"]):
            figures.line(words)
    return figures


def show(figures: Figures, kind: str) -> None:
    print(f"\n{kind.upper():40}{'microseconds for one':^36}{'a second':>9}")
    print(f"{'':40}{'min':>9}{'mean':>9}{'p50':>9}{'p99':>9}{'(mean)':>9}")
    for key in sorted(figures.mean, key=lambda k: (k[1], k[0])):
        mean = statistics.median(figures.mean[key])
        print(f"{COMMANDS[key[1]]:23}{NAMES[key[0]]:17}"
              f"{min(figures.mean[key]) / 1e3:9.1f}{mean / 1e3:9.1f}"
              f"{statistics.median(figures.p50[key]) / 1e3:9.1f}"
              f"{statistics.median(figures.p99[key]) / 1e3:9.1f}"
              f"{1e9 / mean:9.0f}")
    print("a thousand commands from the host, all received in order: "
          f"{figures.queued / 1e3:.1f} microseconds for one, "
          f"{1e9 / figures.queued:.0f} a second")


def conclude(figures: Figures) -> int:
    missed = 0
    for cmd, over, under, bar in ((DEVICE_ID, OURS, SIM, BAR),
                                  (ENABLES, OURS, SIM, None),
                                  (DEVICE_ID, WITH_CHANNELS, OURS, None),
                                  (ENABLES, WITH_CHANNELS, OURS, None)):
        value, mean = figures.ratio((over, cmd), (under, cmd))
        missed += bool(bar and value > bar)
        judged = (f"bar: {bar}, " + ("met" if value <= bar else "MISSED")
                  if bar else "no bar")
        print(f"  {COMMANDS[cmd] + ', ' + NAMES[over] + ' / ' + NAMES[under]:56}"
              f"{value:5.2f}  ({judged}; mean {mean:.2f})")
    return missed


def main() -> int:
    args = arguments()
    print(f"host: {os.cpu_count()} CPUs, {platform.release()}, load "
          f"{os.getloadavg()[0]:.2f}; time taken by the guest's clock")
    session = Session(os.path.abspath(args.qemu))
    session.script("guest-userland.sh")
    kernel = session.kernel(args.kernel, None)
    print(f"guest: Linux {kernel.label}, -M virt -cpu max -smp 2, TCG; the "
          "interfaces by turns")
    missed = 0
    for kind in ("kcs", "bt"):
        figures = measure(session, kernel, kind)
        show(figures, kind)
        missed += conclude(figures)
    return 1 if missed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (ImageError, OSError) as error:
        print(f"ipmi: error: {error}", file=sys.stderr)
        sys.exit(2)
