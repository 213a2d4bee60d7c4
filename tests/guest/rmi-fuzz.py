# Random RMI calls from four CPUs, under several profiles and seeds.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""Build rmi/rmi-fuzz.c and run it; RIG_RMI_FUZZ_SECONDS makes it longer."""

from __future__ import annotations

import importlib
import os

from harness.session import Kernel, Session
from harness.table import GuestTest
from harness.tap import Outcome, Point

host = importlib.import_module("rmi-host")

SECONDS = int(os.environ.get("RIG_RMI_FUZZ_SECONDS", "4"))
RUNS = (
    ("bet0", "abi=bet0,rec-granules=2", {}),
    ("bet1", "abi=bet1,rec-granules=1", {}),
    ("bet3", "abi=bet3,realm-granules=1,rec-granules=3", {}),
    ("bet3, host's tables", "abi=bet3,gpt=host,scrub=used", {}),
    ("bet3, random courses", "abi=bet3,rec-granules=2", {"random-seed": 11}),
)


def run(session: Session, kernel: Kernel, test: GuestTest,
        outcome: Outcome) -> None:
    program = host.build(session, "rmi-fuzz", ("machine.c", "rmi-fuzz.c"),
                         [f"-DSECONDS={SECONDS}"])
    calls = 0
    for number, (name, properties, script) in enumerate(RUNS, 1):
        session.progress.step(test.name, name)
        lines = host.console(
            session, program,
            host.property_text(properties, script, report=False),
            session.log(f"{test.name}-{number}"), SECONDS + 30)
        good, wrong = host.judge(lines)
        calls += sum(int(x.split()[2].rstrip(",")) for x in lines
                     if x.startswith("# calls"))
        wrong += [x for x in lines if "runtime error" in x or "Sanitizer" in x]
        outcome.points.append(Point(
            number, not wrong,
            f"{name} => {'wrong' if wrong else 'right'} ({good} points)",
            details=wrong[:20]))
    outcome.plan = len(outcome.points)
    outcome.seen.append(f"{calls} random calls from 4 CPUs, nothing else "
                        "touched")
