#!/usr/bin/env python3
# Check that includes go downwards: no layer knows one above it.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: check-layers.py [--junit FILE] [--tree DIR] [--tab FILE] [--self-test]
# configs/layers.tab has the layers. Each fault is printed as FILE:LINE: text.
# --self-test tries the checks on made-up trees, which they have to refuse.

import argparse
import re
import sys
import tempfile
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'\s*#\s*include\s+"([^"]+)"')


@dataclass
class Family:
    name: str
    folder: str
    layers: list[tuple[str, list[str]]] = field(default_factory=list)

    def module(self, file: str) -> str | None:
        """The module of a file: its own name, or the longest that fits."""
        stem = file[:-2]
        best, length = None, 0
        for _, modules in self.layers:
            for module in modules:
                for name in module.split("+"):
                    if name == file:
                        return module
                    if name == "*" and not best:
                        best = stem
                    if ((stem == name or stem.startswith(name + "-")) and
                            len(name) > length):
                        best, length = module, len(name)
        return best

    def layer(self, module: str) -> int:
        for i, (_, modules) in enumerate(self.layers):
            if module in modules or "*" in modules:
                return i
        raise KeyError(module)


@dataclass(frozen=True)
class Include:
    file: str
    line: int
    target: str         # as written

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def read_tab(path: Path) -> list[Family]:
    families: list[Family] = []
    for n, text in enumerate(path.read_text().splitlines(), 1):
        words = text.split("#")[0].split()
        if not words:
            continue
        if words[0] == "family" and len(words) == 3:
            families.append(Family(words[1], words[2]))
        elif words[0] == "layer" and len(words) > 2 and families:
            layers = families[-1].layers
            if layers and layers[-1][0] == words[1]:
                layers[-1][1].extend(words[2:])
            else:
                layers.append((words[1], words[2:]))
        else:
            sys.exit(f"{path}:{n}: neither 'family NAME FOLDER' nor "
                     "'layer NAME MODULE...'")
    return families


def includes(tree: Path, path: Path) -> list[Include]:
    name = str(path.relative_to(tree))
    return [Include(name, n, match[1])
            for n, text in enumerate(path.read_text().splitlines(), 1)
            if (match := INCLUDE.match(text))]


def sources(folder: Path) -> list[Path]:
    return sorted(p for p in folder.glob("*.[ch]") if p.name != "trace.h")


def circle(edges: dict[str, dict[str, Include]]) -> list[Include]:
    """One circle of modules, as the includes that make it; or nothing."""
    done: set[str] = set()

    def visit(module: str, path: list[str]) -> list[Include]:
        if module in path:
            ring = path[path.index(module):] + [module]
            return [edges[a][b] for a, b in zip(ring, ring[1:])]
        if module in done:
            return []
        done.add(module)
        for other in edges.get(module, {}):
            if found := visit(other, path + [module]):
                return found
        return []

    for module in edges:
        if found := visit(module, []):
            return found
    return []


def check_family(tree: Path, family: Family,
                 others: list[Family]) -> list[str]:
    folder = tree / family.folder
    own = {p.name for p in sources(folder)}
    edges: dict[str, dict[str, Include]] = {}
    faults = []
    for path in sources(folder):
        module = family.module(path.name)
        if module is None:
            faults.append(f"{path.relative_to(tree)}:1: in no layer of "
                          f"family {family.name}")
            continue
        for inc in includes(tree, path):
            for other in others:
                if (inc.target.startswith(other.folder + "/") and
                        not (tree / "include" / inc.target).exists()):
                    faults.append(f"{inc}: {inc.target} is private to family "
                                  f"{other.name}")
            target = inc.target.removeprefix(family.folder + "/")
            to = family.module(target) if target in own else None
            if to is None or to == module:
                continue
            edges.setdefault(module, {}).setdefault(to, inc)
            if family.layer(to) > family.layer(module):
                faults.append(
                    f"{inc}: {target} is above: layer "
                    f"{family.layers[family.layer(to)][0]}, included from "
                    f"{family.layers[family.layer(module)][0]}")
    if ring := circle(edges):
        faults.append(f"{ring[0]}: a circle of modules: " +
                      ", ".join(f"{inc} includes {inc.target}"
                                for inc in ring))
    return faults


def check_public(tree: Path, families: list[Family]) -> list[str]:
    """Headers for everybody show nothing that is private."""
    faults = []
    for path in sorted((tree / "include").rglob("*.h")):
        for inc in includes(tree, path):
            where = (path.parent / inc.target).resolve()
            if (tree / "include" / inc.target).exists():
                continue            # public as well, whatever its folder
            for family in families:
                if (inc.target.startswith(family.folder + "/") or
                        (tree / family.folder).resolve() in where.parents):
                    faults.append(f"{inc}: {inc.target} is private to family "
                                  f"{family.name}")
    return faults


def check(tree: Path, tab: Path) -> dict[str, list[str]]:
    """Faults of each family that is there, and of the public headers."""
    families = [f for f in read_tab(tab) if (tree / f.folder).is_dir()]
    result = {f.name: check_family(tree, f, [o for o in families
                                             if o is not f and o.name != "rig"])
              for f in families}
    result["public"] = check_public(tree, families)
    return result


TAB = """family fam hw/fam
layer low bottom
layer high top side
family gone hw/gone
layer low x
"""

# Name, files, a word of the message; no word: there must be none
TREES = [
    ("good", {"hw/fam/bottom.h": "", "hw/fam/bottom.c": '"bottom.h"',
              "hw/fam/top.h": '"bottom.h"', "hw/fam/top-part.c": '"top.h"'},
     None),
    ("upwards", {"hw/fam/bottom.c": '"top.h"', "hw/fam/top.h": ""},
     "bottom.c:1: top.h is above"),
    ("upwards by its full name",
     {"hw/fam/bottom.c": '"hw/fam/top.h"', "hw/fam/top.h": ""}, "is above"),
    ("circle", {"hw/fam/top.c": '"side.h"', "hw/fam/side.h": "",
                "hw/fam/side.c": '"top.h"', "hw/fam/top.h": ""},
     "a circle of modules"),
    ("no layer", {"hw/fam/stray.c": ""}, "in no layer"),
    ("public folder of the same name",
     {"hw/fam/top.h": "", "include/hw/fam/all.h": "",
      "include/hw/fam.h": '"hw/fam/all.h"'}, None),
    ("public shows private",
     {"hw/fam/top.h": "", "include/hw/fam.h": '"../../hw/fam/top.h"'},
     "private to family fam"),
]


def self_test() -> dict[str, list[str]]:
    result = {}
    for name, files, word in TREES:
        with tempfile.TemporaryDirectory() as temp:
            tree = Path(temp)
            (tree / "layers.tab").write_text(TAB)
            for file, target in files.items():
                (tree / file).parent.mkdir(parents=True, exist_ok=True)
                (tree / file).write_text(f"#include {target}\n" if target
                                         else "\n")
            got = sum(check(tree, tree / "layers.tab").values(), [])
        good = not got if word is None else any(word in g for g in got)
        result[f"self-test {name}"] = [] if good else [
            f"self-test {name}: wanted {word or 'nothing'}, got {got}"]
    return result


def write_junit(path: Path, result: dict[str, list[str]]) -> None:
    suite = ET.Element("testsuite", name="layers")
    for name, faults in result.items():
        case = ET.SubElement(suite, "testcase", classname="layers", name=name)
        if faults:
            ET.SubElement(case, "failure").text = "\n".join(faults)
    ET.ElementTree(suite).write(path)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--junit", type=Path)
    parser.add_argument("--tree", type=Path, default=TOP)
    parser.add_argument("--tab", type=Path)
    parser.add_argument("--self-test", action="store_true")
    args = parser.parse_args()
    result = self_test() if args.self_test else {}
    result |= check(args.tree, args.tab or args.tree / "configs/layers.tab")
    for faults in result.values():
        for fault in faults:
            print(fault)
    if args.junit:
        write_junit(args.junit, result)
    return 1 if any(result.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
