# Devices for every row of atomic-rows.tab, all in one guest.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""Turn the truth table into -device lines and a list for the guest."""

from __future__ import annotations

import dataclasses
import pathlib
import re

TABLE = pathlib.Path(__file__).with_suffix(".tab")
SIZES = ("32", "64", "128")
BITS = {"32": 1, "64": 2, "128": 4}     # VFIO_PCI_ATOMIC_COMP*
DRIVERS = {"rp": "pcie-fabric-root-port", "us": "pcie-fabric-upstream",
           "ds": "pcie-fabric-downstream", "ep": "pcie-fabric-endpoint",
           "legacy": "pcie-fabric-endpoint", "rciep": "pcie-fabric-endpoint"}


@dataclasses.dataclass(frozen=True)
class Row:
    number: int
    mask: tuple[str, ...]
    final: str
    grants: tuple[str, ...]
    base: int
    chain: tuple[tuple[str, frozenset[str]], ...]


def _sizes(text: str) -> tuple[str, ...]:
    return () if text == "-" else tuple(text.split("+"))


def _element(text: str) -> tuple[str, frozenset[str]]:
    match = re.fullmatch(r"(\w+?)(?:\(([\w,]*)\))?", text)
    assert match and match.group(1) in DRIVERS, text
    return match.group(1), frozenset(filter(None, (match.group(2) or "").split(",")))


def rows() -> list[Row]:
    found = []
    for line in TABLE.read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        number, mask, final, grants, base, *chain = line.split()
        row = Row(int(number), _sizes(mask), final, _sizes(grants),
                  int(base) if base != "-" else 0, tuple(map(_element, chain)))
        # One size: the column grants says nothing that final does not.
        if len(row.mask) == 1:
            assert row.grants == (row.mask if final == "0" else ()), line
        found.append(row)
    return found


def _names(row: Row) -> list[str]:
    """r17rp r17us1 r17ds1 r17us2 r17ds2 r17ep, counted from the root."""
    count: dict[str, int] = {}
    names = []
    for kind, _ in row.chain:
        count[kind] = count.get(kind, 0) + 1
        level = str(count[kind]) if kind in ("us", "ds") else ""
        names.append(f"r{row.number}{kind}{level}")
    return names


def _on(flag: bool) -> str:
    return "on" if flag else "off"


def _props(row: Row, kind: str, flags: frozenset[str]) -> list[str]:
    if kind in ("ep", "legacy", "rciep"):
        props = [f"atomic-comp{s}={_on(s in row.mask)}" for s in SIZES]
        return props + (["pcie-type=legacy"] if kind == "legacy" else [])
    # Sixty bridges would ask for more I/O space than the machine has.
    props = ["io-window=off"]
    if kind == "rp":
        props += [f"atomic-comp{s}={_on('c' + s in flags)}" for s in SIZES]
        props.append(f"atomic-routing={_on('r' in flags)}")
    else:
        props.append(f"atomic-routing={_on('nr' not in flags)}")
    if "e" in flags:
        props.append("atomic-egress-block=on")
    return props


def _device_lines(row: Row, slot: int) -> list[str]:
    lines, parent, level = [], "", 0
    mixed = len({"nr" in f for k, f in row.chain if k in ("us", "ds")}) > 1
    for name, (kind, flags) in zip(_names(row), row.chain):
        props = [DRIVERS[kind], f"id={name}"]
        props += [f"bus={parent}", "addr=0"] if parent else [f"addr={slot:x}"]
        if kind in ("rp", "ds"):
            props += [f"chassis={level + 1}", f"slot={row.number}", "port=1"]
            level += 1
        if kind == "ds" and mixed:
            # Two ports of one switch that disagree: never so in hardware, and
            # just what the kernel's check of every single port is for.
            props.append("x-mixed-routing=on")
        lines.append("-device " + ",".join(props + _props(row, kind, flags)))
        parent = name
    return lines


def lines() -> list[str]:
    out = ["-M virt,gic-version=3,iommu=smmuv3", "-m 512M"]
    for slot, row in enumerate(rows(), 1):
        out += _device_lines(row, slot)
    return out


def _describe(row: Row) -> str:
    """Read from the endpoint upwards, as the truth table has it."""
    names = {"us": "USP", "ds": "DSP", "legacy": "legacy EP", "rciep": "RCiEP"}
    flags = {"r": "Routing", "nr": "Routing=0", "e": "EgrBlk", "q": "ReqEn=1"}
    words = []
    for kind, having in reversed(row.chain):
        text = [f"C{s}" for s in SIZES if f"c{s}" in having]
        if kind == "rp" and not text:
            text = ["no completer"]
        text += [flags[f] for f in sorted(having) if f in flags]
        words.append(names.get(kind, kind.upper()) +
                     (f"({'+'.join(text)})" if text else ""))
    return " - ".join(words) + ", mask " + "|".join(row.mask)


def files() -> dict[str, str]:
    """/rig/rows: number, endpoint, port with EgrBlk or -, ReqEn before, grants,
    grants once EgrBlk is cleared, description."""
    table = {row.number: row for row in rows()}
    text = ""
    for row in table.values():
        names = _names(row)
        blocking = [n for n, (_, f) in zip(names, row.chain) if "e" in f]
        base = table[row.base] if row.base else row
        text += " ".join([
            str(row.number), names[-1], (blocking or ["-"])[0],
            str(int("q" in row.chain[-1][1])),
            str(sum(BITS[s] for s in row.grants)),
            str(sum(BITS[s] for s in base.grants)), _describe(row)]) + "\n"
    return {"rows": text}
