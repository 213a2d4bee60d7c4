# Recipes of docs/system/devices/arm-rmm-cookbook.rst.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""The page is the source: what it shows is what the tests run, and what
`make boot RMM=NAME` takes."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import re
from typing import Any

PAGE = (pathlib.Path(__file__).resolve().parents[3] /
        "docs/system/devices/arm-rmm-cookbook.rst")
ENTRY = re.compile(r"^(?P<rows>[A-Z]?[0-9]+(, [A-Z]?[0-9]+)*)  "
                   r"``(?P<name>[a-z0-9-]+)``$")


class RecipeError(Exception):
    """Something a person has to put right."""


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
            "arm-rmm", *more, self.properties,
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
            raise RecipeError(f"{PAGE.name}: {entry['name']}: {error}") from error
        found.append(Recipe(
            tuple(entry["rows"].split(", ")), entry["name"],
            " ".join(x.strip() for x in body if re.match(r" {4}\S", x)),
            ",".join(x for x in block[:begin] if not x.startswith("-")),
            " ".join(x for x in block[:begin] if x.startswith("-")), script))
    names = [r.name for r in found]
    for name in names:
        if names.count(name) > 1:
            raise RecipeError(f"{PAGE.name} has {name} more than once")
    return found


def recipes() -> list[Recipe]:
    return parse(PAGE.read_text())


def find(name: str) -> Recipe:
    for recipe in recipes():
        if recipe.name == name:
            return recipe
    raise RecipeError(f"there is no recipe '{name}' in {PAGE.name}")
