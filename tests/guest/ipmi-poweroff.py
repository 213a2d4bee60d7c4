# The host's side of ipmi-poweroff: who has switched the machine off?
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""PSCI would do it, too; only the BMC's event tells the difference."""

from __future__ import annotations

import json

from harness.guest import Guest

WANTED = {"bmc": "bmc0", "operation": "off", "cause": "chassis-control"}


def host(guest: Guest) -> None:
    guest.wait_line("rig: up")      # by then QEMU listens
    qmp = guest.qmp()
    qmp.socket.settimeout(None)     # the harness has a limit for the guest
    events = list(qmp.events)
    for line in qmp.stream:
        message = json.loads(line)
        if "event" in message:
            events.append(message)
    if not any(e["event"] == "IPMI_POWER" and e["data"] == WANTED
               for e in events):
        names = ", ".join(e["event"] for e in events)
        raise RuntimeError("the BMC was not told to power down; QMP events: "
                           + (names or "none"))
