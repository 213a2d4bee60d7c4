# Which options of a kernel the guest tests need.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""`rig kconfig`: a fragment for a kernel of one's own, and what a .config lacks
of it, with the tests that miss it."""

from __future__ import annotations

import fnmatch
import pathlib
import re

from .table import HERE, GuestTest, TableError

TABLE = HERE / "kconfig.tab"
BASE = "base"


def read(path: pathlib.Path = TABLE) -> dict[str, tuple[str, ...]]:
    """Options by what needs them: base, a module, a pattern of tests"""
    found: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        for word in words[1:]:
            if not re.fullmatch(r"[A-Z0-9_]+", word):
                raise TableError(f"{path.name}:{number}: '{word}' is no option "
                                 "without CONFIG_")
        found[words[0]] = (*found.get(words[0], ()), *words[1:])
    return found


def _patterns(test: GuestTest) -> list[str]:
    """Keys of the table that are about this very test"""
    return [key for key in read() if fnmatch.fnmatchcase(test.name, key)]


def options_of(test: GuestTest, table: dict[str, tuple[str, ...]]) -> list[str]:
    keys = [key for key in table if key == BASE or key in test.needs
            or fnmatch.fnmatchcase(test.name, key)]
    return list(dict.fromkeys(o for key in keys for o in table[key]))


def _guests(tests: list[GuestTest]) -> list[GuestTest]:
    return [t for t in tests if t.topology != "host"]


def fragment(tests: list[GuestTest]) -> str:
    """For scripts/kconfig/merge_config.sh, or to append to a .config."""
    lines = ["# What the guest tests of qemu-rig need; then: make olddefconfig"]
    told: set[str] = set()
    for key, options in read().items():
        names = [t.name for t in _guests(tests) if key in t.needs
                 or fnmatch.fnmatchcase(t.name, key)]
        fresh = [o for o in options if o not in told]
        if fresh and (names or key == BASE):
            lines += ["", f"# {', '.join(names) or 'every test'}",
                      *(f"CONFIG_{o}=y" for o in fresh)]
            told.update(fresh)
    return "\n".join(lines) + "\n"


def set_in(config: str) -> set[str]:
    """Of a .config: what is built in or a module"""
    return set(re.findall(r"^CONFIG_([A-Z0-9_]+)=(?:[ym]|\d+|\")", config, re.M))


def lacks(config: str, tests: list[GuestTest]) -> dict[str, list[str]]:
    """Options that are neither built in nor modules, and the tests that need
    them"""
    there, table = set_in(config), read()
    missing: dict[str, list[str]] = {}
    for test in _guests(tests):
        for option in options_of(test, table):
            if option not in there:
                missing.setdefault(option, []).append(test.name)
    return missing
