# Recipes of docs/system/devices/arm-rmm-cookbook.rst.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""The page is the source: what it shows is what the tests run, and what
`make boot RMM=NAME` takes."""

from __future__ import annotations

import dataclasses
import difflib
import json
import pathlib
import re
import shlex
import subprocess
from typing import Any

from .table import TableError, Topology, parse_topology, read_topology

PAGE = (pathlib.Path(__file__).resolve().parents[3] /
        "docs/system/devices/arm-rmm-cookbook.rst")
ENTRY = re.compile(r"^(?P<rows>[A-Z]?[0-9]+(, [A-Z]?[0-9]+)*)  "
                   r"``(?P<name>[a-z0-9-]+)``$")


@dataclasses.dataclass(frozen=True)
class Recipe:
    rows: tuple[str, ...]
    name: str
    text: str                   # what it does, and the function reached
    properties: str             # of -device arm-rmm
    machine: str                # other options, and no arm-rmm
    script: dict[str, Any]

    def device(self, *more: str) -> str:
        """-device; a comma in a property's value is written twice."""
        script = json.dumps(self.script).replace(",", ",,")
        return ",".join(x for x in (
            "arm-rmm", self.properties, *more,
            f"script={script}" if self.script else "") if x)


def parse(page: str) -> list[Recipe]:
    found: list[Recipe] = []
    lines = page.splitlines()
    for number, line in enumerate(lines):
        entry = ENTRY.match(line)
        if not entry:
            continue
        body: list[str] = []
        for x in lines[number + 1:]:
            if x and not x.startswith(" "):
                break
            body.append(x)
        block = [x.strip() for x in body if x.startswith(" " * 6)]
        begin = next((i for i, x in enumerate(block) if x.startswith("{")),
                     len(block))
        try:
            script = json.loads(" ".join(block[begin:]) or "{}")
        except json.JSONDecodeError as error:
            raise TableError(f"{PAGE.name}: {entry['name']}: "
                             f"{error}") from error
        found.append(Recipe(
            tuple(entry["rows"].split(", ")), entry["name"],
            " ".join(x.strip() for x in body if re.match(r" {4}\S", x)),
            ",".join(x for x in block[:begin] if not x.startswith("-")),
            " ".join(x for x in block[:begin] if x.startswith("-")), script))
    names = [r.name for r in found]
    for name in names:
        if names.count(name) > 1:
            raise TableError(f"{PAGE.name} has {name} more than once")
    return found


def recipes() -> list[Recipe]:
    return parse(PAGE.read_text())


def _script(text: str) -> Recipe:
    """JSON, a file with JSON, or a name of the page"""
    if not text.startswith("{"):
        for recipe in recipes():
            if recipe.name == text:
                return recipe
        path = pathlib.Path(text)
        if not path.is_file():
            near = difflib.get_close_matches(text, [r.name for r in recipes()], 3)
            raise TableError(
                f"RMM={text} is no recipe of {PAGE.name}, no file, no JSON, and no "
                "property of arm-rmm (name=value)"
                + (f"; did you mean {' or '.join(near)}?" if near else ""))
        where, text = str(path), path.read_text()
    else:
        where = "RMM"
    try:
        return Recipe((), "own", "", "", "", json.loads(text))
    except json.JSONDecodeError as error:
        raise TableError(f"{where}:{error.lineno}: {error.msg}") from error


def _merged(scripts: list[Recipe]) -> Recipe:
    """The rules of the first one go before those of the second."""
    script: dict[str, Any] = {}
    rules: list[Any] = []
    for recipe in scripts:
        if recipe.machine:
            raise TableError(f"{recipe.name} is about a machine without "
                             f"arm-rmm: {recipe.machine}")
        script.update(recipe.script)
        rules += recipe.script.get("rules", [])
    if rules:
        script["rules"] = rules
    return Recipe((), "merged", "",
                  ",".join(r.properties for r in scripts if r.properties), "",
                  script)


def has_script(wish: str) -> bool:
    """Does it want more than properties?"""
    properties, brace, _ = wish.partition("{")
    return bool(brace) or any("=" not in x for x in properties.split(",")
                              if x not in ("", "1"))


def topology(wish: str) -> Topology:
    """What `make boot RMM=` asks for: properties and scripts, with commas, JSON
    last. The machine of topologies/rmm.txt."""
    properties, brace, rest = wish.partition("{")
    parts = [x for x in properties.split(",") if x not in ("", "1")]
    more = [x for x in parts if "=" in x]
    names = [x for x in parts if "=" not in x] + ([brace + rest] if brace else [])
    recipe = _merged([_script(name) for name in names])
    options = read_topology("rmm").options
    device = recipe.device("id=rmm0", "report=on", *more)
    lines = [f"{shlex.quote(a)} {shlex.quote(b)}"
             for a, b in zip(options[::2], options[1::2]) if a != "-device"]
    return parse_topology("rmm", [*lines, "-m 2G",
                                  f"-device {shlex.quote(device)}"])


def _rule_spans(text: str) -> list[tuple[int, int]]:
    """Where each rule of a script begins and ends"""
    start = re.search(r'"rules"\s*:\s*\[', text)
    spans: list[tuple[int, int]] = []
    at = start.end() if start else len(text)
    while match := re.compile(r"[\s,]*(?=\{)").match(text, at):
        _, end = json.JSONDecoder().raw_decode(text, match.end())
        spans.append((match.end(), end))
        at = end
    return spans


def place(text: str, reason: str) -> int:
    """The line of a script that QEMU's reason is about: the member that it
    names, in the rule that it counts; 1 if it names none."""
    named = re.search(r"'(?:[\w.\[\]-]*?rules\[(\d+)\])?\.?([\w-]*)", reason)
    if not named:
        return 1
    spans = _rule_spans(text)
    number = int(named[1] or 0)
    begin, end = spans[number] if named[1] and number < len(spans) else \
        (0, len(text))
    at = text.find(f'"{named[2]}"', begin, end) if named[2] else begin
    return text.count("\n", 0, at if at >= 0 else begin) + 1


def check(qemu: str, wish: str, machine: Topology) -> str:
    """What arm-rmm says to a script or to properties, before anything boots:
    file, line and reason, or nothing."""
    done = subprocess.run(
        [qemu, "-nodefaults", "-display", "none", "-S", "-monitor", "stdio",
         *machine.arguments()], input="quit\n", capture_output=True, text=True)
    if done.returncode == 0:
        return ""
    said = [x for x in done.stderr.splitlines() if x.strip()] or ["no reason"]
    # QEMU repeats the option, the whole script with it.
    found = re.search(r"(?:^|[^,]): ((?:arm-rmm: |Parameter ').*)$", said[0])
    reason = found[1] if found else said[0]
    for name in wish.partition("{")[0].split(","):
        path = pathlib.Path(name)
        if name and "=" not in name and path.is_file():
            return f"{path}:{place(path.read_text(), reason)}: {reason}"
    return f"RMM={wish}: {reason}"
