# What a guest program may ask the host for while it runs.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""The questions of a guest program, "NAME ARGUMENT...", come by the guest's
rig-hostcall, each with a number before it; its answer is lines, and then
". NUMBER" or, if it cannot be done, "! NUMBER" and why not. host.h is the guest's
side. QMP is how things are done."""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .guest import Guest, Qmp

# A slot of pcie.0 that no topology has
SLOT = "1e"
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
    """Of each of the faults: how often it matched, how often that was its turn,
    and how often it was applied."""
    lines = []
    for row in qmp.command("query-ipmi-faults", bmc=BMC):
        first = row["fault"].get("first", 1)
        count = row["fault"].get("count", 1) or row["matched"]
        due = min(max(row["matched"] - first + 1, 0), count)
        lines.append(f"{row['matched']} {due} {row['applied']}")
    return lines


def _ipmi_sensor(qmp: Qmp, sensor: str, raw: str) -> Answer:
    qmp.command("ipmi-sensor-set", bmc=BMC, sensor=int(sensor, 0),
                raw=int(raw, 0))
    return []


# For the test of the device itself: a host that is slow, and what else goes on
# while a CPU waits for it.

def _sleep(qmp: Qmp, seconds: str) -> Answer:
    """These are seconds of the host's clock, and none of the guest's."""
    time.sleep(float(seconds))
    return []


def _pause(qmp: Qmp, seconds: str) -> Answer:
    """All CPUs have to stop, the one that waits for this answer as well."""
    qmp.command("stop")
    time.sleep(float(seconds))
    status = qmp.command("query-status")
    qmp.command("cont")
    return [status["status"]]


COMMANDS: dict[str, Callable[..., Answer]] = {
    "set": _set, "get": _get, "add": _add, "del": _del, "audit": _audit,
    "counters": _counters, "links": _links, "lose": _lose,
    "ipmi-request": _ipmi_request, "ipmi-response": _ipmi_response,
    "ipmi-raw": _ipmi_raw, "ipmi-sent": _ipmi_sent,
    "ipmi-faults": _ipmi_faults, "ipmi-fault": _ipmi_fault,
    "ipmi-applied": _ipmi_applied,
    "ipmi-sensor": _ipmi_sensor,
    "sleep": _sleep, "pause": _pause,
}


def answer(qmp: Qmp, words: list[str]) -> Answer:
    """All lines of the answer to one question."""
    try:
        return [*COMMANDS[words[0]](qmp, *words[1:]), "."]
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        return [f"! {' '.join(words)}: {error}"]


class Host:
    """What a guest with a rig-hostcall talks to. It listens before QEMU starts:
    the guest's first question finds somebody."""

    def __init__(self) -> None:
        self._directory = tempfile.mkdtemp(prefix="rig-host-")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(os.path.join(self._directory, "socket"))
        self._listener.listen(1)

    @staticmethod
    def by_hand() -> list[str]:
        """QEMU's options for who runs the guest by hand: nobody is asked, but
        all devices are where they were."""
        return ["-device", f"rig-hostcall,addr={SLOT}"]

    def options(self) -> list[str]:
        path = os.path.join(self._directory, "socket").replace(",", ",,")
        return ["-chardev", f"socket,id=rig-host,path={path}",
                "-device", f"rig-hostcall,chardev=rig-host,addr={SLOT}"]

    def serve(self, guest: Guest) -> None:
        """Until the guest ends."""
        try:
            with self._accept(guest) as connection:
                self._talk(guest, connection)
        except (BrokenPipeError, ConnectionError):
            pass            # the guest is gone; its console tells why
        finally:
            self._listener.close()
            shutil.rmtree(self._directory, ignore_errors=True)

    def _accept(self, guest: Guest) -> socket.socket:
        """A QEMU that does not start never comes."""
        self._listener.settimeout(1)
        while True:
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                if guest.ended:
                    raise ConnectionError from None
            else:
                connection.settimeout(None)
                return connection

    @staticmethod
    def _talk(guest: Guest, connection: socket.socket) -> None:
        qmp: Qmp | None = None
        for line in connection.makefile("r", encoding="ascii"):
            number, _, question = line.strip().partition(" ")
            qmp = qmp or guest.qmp()
            # A line of the answer is one line, and its last one has the number.
            lines = [x.replace("\n", " ")
                     for x in answer(qmp, question.split() or [""])]
            lines[-1] = f"{lines[-1][0]} {number}{lines[-1][1:]}"
            connection.sendall("".join(x + "\n" for x in lines)
                               .encode("ascii", "replace"))
