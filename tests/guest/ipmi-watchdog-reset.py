# The host's side of ipmi-watchdog-reset: what QEMU says of it.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""The events of QMP, in their order. Whether the kernel has started the timer at
all is not asked here: the guest tells."""

from __future__ import annotations

import json
from typing import Any

from harness.guest import Guest

SMS_OS = 4
# Pre-timeout by message; hard reset
PRE_MESSAGE, RESET = 3, 1
WANTED: list[tuple[str, dict[str, Any]]] = [
    ("IPMI_WATCHDOG", {"bmc": "bmc0", "pre-timeout": True, "use": SMS_OS,
                       "action": PRE_MESSAGE}),
    ("IPMI_WATCHDOG", {"bmc": "bmc0", "pre-timeout": False, "use": SMS_OS,
                       "action": RESET}),
    ("IPMI_POWER", {"bmc": "bmc0", "operation": "reset", "cause": "watchdog"}),
    ("RESET", {}),
]


def check(events: list[dict[str, Any]]) -> None:
    """The wanted ones must be there, once each, and in this order."""
    got = [e for e in events if e["event"] in {name for name, _ in WANTED}]
    text = "; ".join(f"{e['event']} {e['data']}" for e in got) or "none"
    matches = len(got) == len(WANTED) and all(
        e["event"] == name and data.items() <= e["data"].items()
        for e, (name, data) in zip(got, WANTED))
    if not matches:
        raise RuntimeError(f"QMP events: {text}")


def host(guest: Guest) -> None:
    guest.wait_line("rig: up")          # by then QEMU listens
    qmp = guest.qmp()
    qmp.socket.settimeout(None)         # the harness has a limit for the guest
    events = list(qmp.events)
    for line in qmp.stream:
        message = json.loads(line)
        if "event" in message:
            events.append(message)
    if any(e["event"] == "IPMI_WATCHDOG" for e in events):
        check(events)
