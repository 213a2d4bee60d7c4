# The cookbook of arm-rmm, recipe by recipe, on the bare machine.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""Run each recipe of docs/system/devices/arm-rmm-cookbook.rst with the course of
the same name in rmi/rows*.c. RIG_RMI_ROWS names a few, with commas."""

from __future__ import annotations

import importlib
import os
import re

from harness import recipes
from harness.session import Kernel, Session
from harness.table import GuestTest
from harness.tap import Outcome, Point

host = importlib.import_module("rmi-host")

SOURCES = ("machine.c", "host.c", "host-sro.c", "host-trace.c", "rows.c",
           "rows-boot.c", "rows-sro.c", "rows-sro-hard.c", "rows-range.c",
           "kvm.c", "rows-table.c", "rows-exit.c")
REPORT = re.compile(r"^arm-rmm: ([a-z-]+) x ([0-9]+):")
MISSES = re.compile(r"^arm-rmm: the host misses ([0-9]+) granules?, ")


def judge(lines: list[str]) -> list[str]:
    """What is wrong. The guest names the findings that there have to be."""
    good = [x for x in lines if x.startswith("ok ")]
    wrong = [x for x in lines if x.startswith(
        ("not ok ", "# came", "# wanted", "# exception", "# no end"))]
    if not wrong and f"1..{len(good)}" not in lines:
        wrong = ["the plan is missing", *lines[-5:]]
    leaves = next((x.split()[2:] for x in lines if x.startswith("# leaves")),
                  [])
    report = [f"{m[1]}:{m[2]}" for m in map(REPORT.match, lines) if m]
    if sorted(leaves) != sorted(report):
        wrong.append(f"findings wanted: {' '.join(sorted(leaves))}")
    # The last line of the report is the sum of what is missing.
    lost = sum(int(x.split(":")[1]) for x in leaves
               if x.startswith(("memory-held", "left-delegated")))
    said = [m[1] for m in map(MISSES.match, lines) if m]
    if said != ([str(lost)] if lost else []):
        wrong.append(f"the sum of the report is not {lost}")
    if wrong:
        wrong += [x for x in lines if x.startswith("arm-rmm: ")]
    return wrong


# The rows that the page has to have; sec 11 of what the recipes are from.
ROWS = [*(str(n) for n in (*range(1, 56), *range(60, 109))),
        *(f"B{n}" for n in range(1, 19)), *(f"E{n}" for n in range(1, 15)),
        *(f"C{n}" for n in range(1, 9))]


def compare(page: list[recipes.Recipe], courses: list[str]) -> list[str]:
    """Every row has a recipe, every recipe a course, and the other way round."""
    rows = {x for r in page for x in r.rows}
    names = {r.name for r in page}
    return [*(f"row {x} has no recipe" for x in ROWS if x not in rows),
            *(f"row {x} is none that is known" for x in rows - set(ROWS)),
            *(f"recipe {x} has no course" for x in names - set(courses)),
            *(f"course {x} has no recipe" for x in set(courses) - names),
            *(f"{r.name}: no function is named" for r in page
              if "Reached:" not in r.text and r.rows[-1][0] != "C")]


def run(session: Session, kernel: Kernel, test: GuestTest,
        outcome: Outcome) -> None:
    program = host.build(session, "rmi-rows", SOURCES, [])
    some = os.environ.get("RIG_RMI_ROWS", "").split(",")
    chosen = [r for r in recipes.recipes() if some == [""] or r.name in some]
    lines = host.console(session, program, "arm-rmm",
                         session.log(f"{test.name}-list"), text="list\n")
    wrong = compare(recipes.recipes(), [x.split()[1] for x in lines
                                        if x.startswith("course ")])
    outcome.points.append(Point(1, not wrong, "the page and the courses agree",
                                details=wrong))
    for number, recipe in enumerate(chosen, 2):
        session.progress.step(test.name, recipe.name)
        lines = host.console(
            session, program, recipe.device("report=on"),
            session.log(f"{test.name}-{recipe.name}"),
            text=f"{recipe.name}\n", machine=recipe.machine.split())
        wrong = judge(lines)
        outcome.points.append(Point(number, not wrong,
                                    f"{', '.join(recipe.rows)}: {recipe.name}",
                                    details=wrong[:20]))
    outcome.plan = len(outcome.points)
    outcome.seen.append(f"{len(chosen)} recipes for "
                        f"{len({x for r in chosen for x in r.rows})} rows")
