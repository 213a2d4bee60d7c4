#!/usr/bin/env python3
# Note that every test passed on a kernel, or tell on which ones it did.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""Keep configs/kernels.seen.

A red run on a kernel in the list is a fault of ours; on one that is not in it,
the kernel may be what is new.

  kernels-seen.py add VERSION SET [--date YYYY-MM-DD]
  kernels-seen.py has VERSION [SET]     status 0 if it is there, 1 if not
  kernels-seen.py list
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import os
import pathlib
import re
import sys

FILE = pathlib.Path(__file__).resolve().parent.parent / "configs/kernels.seen"
# What a set includes.
SETS = {"boot": ("boot",), "check": ("boot", "check")}


class SeenError(Exception):
    """The list or a request is wrong: a sentence for the user."""


@dataclasses.dataclass(frozen=True)
class Seen:
    version: str
    date: str
    set: str


def read(path: pathlib.Path = FILE) -> list[Seen]:
    """Every line of the list. None yet: an empty list."""
    seen: list[Seen] = []
    lines = path.read_text().splitlines() if path.exists() else []
    for number, line in enumerate(lines, 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        if len(words) != 3 or words[2] not in SETS:
            raise SeenError(f"{path.name}:{number}: wanted VERSION DATE SET, "
                            f"SET one of {', '.join(SETS)}: {line}")
        seen.append(Seen(*words))
    return seen


def has(seen: list[Seen], version: str, set_: str = "boot") -> bool:
    """Was all of the set green on this kernel?"""
    return any(s.version == version and set_ in SETS[s.set] for s in seen)


def add(version: str, set_: str, date: str, path: pathlib.Path = FILE) -> bool:
    """Append a line; False if the list says so already."""
    if not re.fullmatch(r"[0-9]+\.[A-Za-z0-9.+~-]+", version):
        raise SeenError(f"'{version}' is no version of a kernel; it is the name "
                        "of a directory in build/guest/kernels")
    try:
        datetime.date.fromisoformat(date)
    except ValueError:
        raise SeenError(f"'{date}' is no date like 2026-12-01") from None
    if has(read(path), version, set_):
        return False
    text = path.read_text() if path.exists() else ""
    if text and not text.endswith("\n"):
        text += "\n"
    beside = path.with_name(path.name + ".new")
    beside.write_text(f"{text}{version:<31} {date} {set_}\n")
    os.replace(beside, path)
    return True


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("add", "has"):
        command = commands.add_parser(name)
        command.add_argument("version")
        if name == "add":
            command.add_argument("set", choices=SETS)
            command.add_argument("--date",
                                 default=datetime.date.today().isoformat())
        else:
            command.add_argument("set", choices=SETS, nargs="?", default="boot")
    commands.add_parser("list")
    args = parser.parse_args()
    try:
        if args.command == "has":
            return 0 if has(read(), args.version, args.set) else 1
        if args.command == "list":
            for s in read():
                print(s.version, s.date, s.set)
        elif add(args.version, args.set, args.date):
            print(f"{args.version}: {args.set} noted")
        else:
            print(f"{args.version}: {args.set} is in the list already")
    except SeenError as error:
        print(f"kernels-seen.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
