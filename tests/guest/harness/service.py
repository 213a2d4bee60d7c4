# What a guest program may ask the host for while it runs.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest program prints "# host: NAME ARGUMENT...", and reads the answer from
its console: lines, the last of which is "." or, if it cannot be done, "!" and
why not. host.h is the guest's side. QMP is how things are done."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .guest import Guest, Qmp

MARK = "rig: # host: "
Answer = list[str]


def _value(text: str) -> Any:
    """A property's value as QMP wants it: a number, a boolean, or a string."""
    if text in ("on", "off"):
        return text == "on"
    try:
        return int(text, 0)
    except ValueError:
        return text


def _set(qmp: Qmp, device: str, name: str, value: str) -> Answer:
    qmp.command("qom-set", path=f"/machine/peripheral/{device}", property=name,
                value=_value(value))
    return []


def _get(qmp: Qmp, device: str, name: str) -> Answer:
    return [str(qmp.command("qom-get", path=f"/machine/peripheral/{device}",
                            property=name))]


def _add(qmp: Qmp, driver: str, *pairs: str) -> Answer:
    """add DRIVER KEY=VALUE...: hot-plug a device."""
    arguments = dict(pair.partition("=")[::2] for pair in pairs)
    qmp.command("device_add", driver=driver, **arguments)
    return []


def _del(qmp: Qmp, device: str) -> Answer:
    """Ask for removal; the guest has to give its consent."""
    qmp.command("device_del", id=device)
    return []


def _access(access: dict[str, Any] | None) -> str:
    if not access:
        return "-"
    kind = "write" if access["write"] else "read"
    text = f"{kind}:{access['offset']:#x}/{access['size']}"
    return f"{text}={access['value']:#x}" if "value" in access else text


def _audit(qmp: Qmp) -> Answer:
    """What the audit has found since the last time: one line for how many
    findings and events there are, one for each finding."""
    audit = qmp.command("query-pcie-fabric-audit")
    qmp.command("pcie-fabric-audit-clear")
    events = qmp.take("PCIE_FABRIC_AUDIT")
    lines = [f"{len(audit['findings'])} {audit['dropped']} {len(events)}"]
    for finding in audit["findings"]:
        lines.append(" ".join([
            finding["kind"], finding["device"], f"{finding['address']:#x}",
            str(finding["count"]), str(finding["resets"]),
            _access(finding.get("access")), str(finding["time-ns"]),
            finding.get("detail", "-")]))
    return lines


def _counters(qmp: Qmp, *devices: str) -> Answer:
    """DEVICE NAME=VALUE..., a line for each device that is asked for."""
    lines = []
    for row in qmp.command("query-pcie-fabric-counters"):
        if row["device"] in devices:
            numbers = " ".join(f"{k}={v}" for k, v in row.items()
                               if isinstance(v, int))
            lines.append(f"{row['device']} {numbers}")
    return lines


def _links(qmp: Qmp, *devices: str) -> Answer:
    return [f"{row['device']} {row['state']} {row['resets']}"
            for row in qmp.command("query-pcie-fabric-links")
            if row["device"] in devices]


def _lose(qmp: Qmp, device: str) -> Answer:
    qmp.command("pcie-fabric-link-lose", device=device)
    return []


# The BMC of topologies/ipmi-*.txt
BMC = "bmc0"


def _ipmi_request(qmp: Qmp, channel: str, netfn: str, cmd: str, sequence: str,
                  data: str = "", *pairs: str) -> Answer:
    """NAME=NUMBER behind it: what else ipmi-request has, a privilege level."""
    more = {name: int(value, 0)
            for name, _, value in (pair.partition("=") for pair in pairs)}
    qmp.command("ipmi-request", bmc=BMC, channel=int(channel, 0),
                netfn=int(netfn, 0), cmd=int(cmd, 0),
                sequence=int(sequence, 0), data=data, **more)
    return []


def _ipmi_response(qmp: Qmp, channel: str, netfn: str, cmd: str, sequence: str,
                   data: str = "") -> Answer:
    qmp.command("ipmi-response", bmc=BMC, channel=int(channel, 0),
                netfn=int(netfn, 0), cmd=int(cmd, 0),
                sequence=int(sequence, 0), data=data)
    return []


def _ipmi_raw(qmp: Qmp, channel: str, data: str) -> Answer:
    qmp.command("ipmi-raw", bmc=BMC, channel=int(channel, 0), data=data)
    return []


def _ipmi_sent(qmp: Qmp, channel: str) -> Answer:
    """What the guest sent to a channel since the last time, as hex bytes."""
    return [m["data"] for m in qmp.command("query-ipmi-sent", bmc=BMC,
                                           channel=int(channel, 0), clear=True)]


def _ipmi_faults(qmp: Qmp, rules: str) -> Answer:
    """Rules as QMP has them, in JSON without spaces; [] for none."""
    qmp.command("ipmi-set-faults", bmc=BMC, faults=json.loads(rules))
    return []


def _ipmi_fault(qmp: Qmp, action: str, *words: str) -> Answer:
    """ACTION [NETFN [CMD]] NAME=VALUE...: one rule more; the bytes are
    hexadecimal, as everywhere in messages. All counts begin anew."""
    pairs = [w.partition("=") for w in words if "=" in w]
    message = [int(w, 16) for w in words if "=" not in w]
    if len(message) > 2:
        raise ValueError("a network function and a command, and no more")
    rule = {"action": action, **dict(zip(("netfn", "cmd"), message)),
            **{name: _value(value) for name, _, value in pairs}}
    known = [f["fault"] for f in qmp.command("query-ipmi-faults", bmc=BMC)]
    qmp.command("ipmi-set-faults", bmc=BMC, faults=[*known, rule])
    return []


def _ipmi_applied(qmp: Qmp) -> Answer:
    """How often each of the faults was applied."""
    return [str(f["applied"]) for f in qmp.command("query-ipmi-faults",
                                                   bmc=BMC)]


def _ipmi_sensor(qmp: Qmp, sensor: str, raw: str) -> Answer:
    qmp.command("ipmi-sensor-set", bmc=BMC, sensor=int(sensor, 0),
                raw=int(raw, 0))
    return []


COMMANDS: dict[str, Callable[..., Answer]] = {
    "set": _set, "get": _get, "add": _add, "del": _del, "audit": _audit,
    "counters": _counters, "links": _links, "lose": _lose,
    "ipmi-request": _ipmi_request, "ipmi-response": _ipmi_response,
    "ipmi-raw": _ipmi_raw, "ipmi-sent": _ipmi_sent,
    "ipmi-faults": _ipmi_faults, "ipmi-fault": _ipmi_fault,
    "ipmi-applied": _ipmi_applied,
    "ipmi-sensor": _ipmi_sensor,
}


def answer(qmp: Qmp, words: list[str]) -> Answer:
    """All lines of the answer to one question."""
    try:
        return [*COMMANDS[words[0]](qmp, *words[1:]), "."]
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        return [f"! {' '.join(words)}: {error}"]


def serve(guest: Guest) -> None:
    """Until the guest ends."""
    qmp: Qmp | None = None
    for line in guest.follow(MARK):
        words = line.split(MARK, 1)[1].split()
        try:
            qmp = qmp or guest.qmp()
            for text in answer(qmp, words):
                guest.send(text)
        except (BrokenPipeError, ConnectionError):
            return          # the guest is gone; its console tells why
