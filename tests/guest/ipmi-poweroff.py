# The host's side of ipmi-poweroff: who has switched the machine off?
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""PSCI would do it, too; only the BMC's event tells the difference. Which of them
is called is the kernel's choice; when it is the BMC, it has to be the BMC."""

from __future__ import annotations

import json

from harness.guest import Guest
from harness.tap import Point

WANTED = {"bmc": "bmc0", "operation": "off", "cause": "chassis-control"}
# The driver's last words
DRIVER = "down via IPMI chassis control command"


def host(guest: Guest) -> None:
    guest.wait_line("rig: up")      # by then QEMU listens
    qmp = guest.qmp()
    qmp.socket.settimeout(None)     # the harness has a limit for the guest
    events = list(qmp.events)
    for line in qmp.stream:
        message = json.loads(line)
        if "event" in message:
            events.append(message)
    tries = any(DRIVER in line for line in guest.lines)
    told = any(e["event"] == "IPMI_POWER" and e["data"] == WANTED
               for e in events)
    points = guest.console.outcomes["ipmi-poweroff"].points
    for passed, kind, text in (
            (tries, "kernel", "the driver is called at the end => "
             + ("yes" if tries else "no")),
            (told or not tries, "device", "then the BMC is told to power down")):
        points.append(Point(len(points) + 1, passed, text, kind=kind))
    if tries and not told:
        points[-1].details.append("QMP events: " + ", ".join(
            e["event"] for e in events))
