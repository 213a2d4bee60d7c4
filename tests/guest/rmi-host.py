# A bare-metal host of the Realm Management Monitor, against every script.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""Build rmi/*.c, start it with arm-rmm and one script after the other."""

from __future__ import annotations

import json
import pathlib
import subprocess
from collections.abc import Sequence
from typing import Any

from harness.guest import run_to_end
from harness.image import ImageError, compiler
from harness.session import Kernel, Session
from harness.table import GuestTest
from harness.tap import Outcome, Point

HERE = pathlib.Path(__file__).resolve().parent / "rmi"
SOURCES = ("machine.c", "host.c", "host-sro.c", "host-trace.c", "kvm.c",
           "rmi-host.c")
MACHINE = ["-M", "virt,virtualization=on,secure=on,gic-version=3",
           "-cpu", "max,x-rme=on", "-m", "512M", "-smp", "4"]
SECONDS = 60


def rule(command: str, **what: Any) -> dict[str, Any]:
    return {"command": command, **what}


def course(**sro: Any) -> list[dict[str, Any]]:
    """The same course for everything that takes or gives back memory."""
    return [rule(command, times=0, sro=sro)
            for command in ("REC_CREATE", "REC_DESTROY")]


def busy(status: str, times: int) -> list[dict[str, Any]]:
    return [rule(command, times=times, status=status) for command in (
        "OP_CONTINUE", "OP_MEM_DONATE", "OP_MEM_RECLAIM", "REC_CREATE",
        "GRANULE_RANGE_DELEGATE", "GRANULE_RANGE_UNDELEGATE", "RTT_CREATE",
        "RTT_DATA_MAP", "RTT_DATA_UNMAP", "REALM_CREATE", "REALM_DESTROY")]


# Name, properties, rules: courses that are not in the cookbook, and that
# end well for a host that does what the specification says.
SCRIPTS: tuple[tuple[str, str, list[dict[str, Any]]], ...] = (
    ("bet0", "abi=bet0", []),
    ("bet1", "abi=bet1", []),
    ("bet3", "abi=bet3", []),
    ("memory for everything",
     "realm-granules=9,activate-granules=5,rec-granules=300", []),
    ("rounds that want nothing", "", course(rounds=7, **{"rounds-before": 3})),
    ("2 MiB in one piece", "",
     [rule("REC_CREATE", times=0, sro={
         "donate": [{"size": 0, "count": 512, "contig": True}]})]),
    ("2 MiB blocks, eaten in part", "",
     [rule("REC_CREATE", times=0, sro={
         "donate": [{"size": 1, "count": 2}], "consume": [515, 3]})]),
    ("memory that is not delegated", "",
     [rule("REC_CREATE", times=0, sro={
         "donate": [{"count": 3, "state": "undelegated"}, {"count": 4}]})]),
    ("nothing, then one at a time", "",
     [rule("REC_CREATE", times=0, sro={
         "consume": [0, 0, 1], "consume-repeat": True})]),
    ("asked again after the last", "",
     [rule("REC_CREATE", times=0, sro={
         "donate": [{"count": n} for n in (1, 5, 2, 8)]})]),
    ("a granule is refused", "",
     [rule("REC_CREATE", times=2, sro={"refuse-granule": 5})]),
    ("failure in the end", "",
     [rule("REC_CREATE", times=2, sro={"fail": "error-global"}),
      rule("REALM_CREATE", sro={"rounds": 1, "fail": "error-input"})]),
    ("in pieces, backwards", "",
     course(reclaim={"max-granules": 1, "max-entries": 3,
                     "order": "reverse"})),
    ("from both ends, after nothing", "",
     course(reclaim={"max-granules": 2, "order": "interleave", "empty": 3})),
    ("BUSY", "", busy("busy", 5)),
    ("BLOCKED", "", busy("blocked", 3)),
    ("a page at a time", "",
     [rule(command, times=0, chunk=4096) for command in (
         "GRANULE_RANGE_DELEGATE", "GRANULE_RANGE_UNDELEGATE", "RTT_DATA_MAP",
         "RTT_DATA_UNMAP", "RTT_UNPROT_MAP", "RTT_INIT_RIPAS")]),
    ("ranges that are operations", "",
     [rule(command, times=0, sro={"rounds": 2}) for command in (
         "GRANULE_RANGE_DELEGATE", "GRANULE_RANGE_UNDELEGATE", "RTT_DATA_MAP",
         "RTT_DATA_UNMAP", "RTT_CREATE", "RTT_DESTROY", "REALM_TERMINATE")]),
    ("cancel bit toggles", "",
     course(cancel=True, rounds=4, **{"cancel-toggle": True})),
)
SEEDS = range(1, 13)
MANY_SEEDS = range(1, 201)
PROFILES = ("bet0", "bet1", "bet3")


def build(session: Session, name: str, sources: tuple[str, ...],
          options: list[str]) -> pathlib.Path:
    target = session.build / "guest" / "bin" / f"{name}.elf"
    target.parent.mkdir(parents=True, exist_ok=True)
    # No MMU, hence no unaligned accesses; no FPU, nobody has switched it on.
    command = [compiler(), "-std=gnu11", "-O2", "-g", "-Wall", "-Wextra",
               "-Werror", "-ffreestanding", "-nostdlib", "-static", "-no-pie",
               "-fno-pic", "-fno-stack-protector", "-mgeneral-regs-only",
               "-mstrict-align", "-mno-outline-atomics", "-march=armv8.1-a",
               "-fno-tree-loop-distribute-patterns",
               "-Wl,-Ttext=0x40400000", "-Wl,--build-id=none",
               *options, "-o", str(target), *(str(HERE / x) for x in sources)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise ImageError(f"{name} does not compile:\n{done.stderr}")
    return target


def property_text(properties: str, script: dict[str, Any],
                  report: bool = True) -> str:
    """A comma in a property's value is written twice."""
    text = json.dumps(script).replace(",", ",,")
    return ",".join(x for x in ("arm-rmm", "report=on" if report else "",
                                properties, f"script={text}") if x)


def console(session: Session, program: pathlib.Path, device: str,
            log: pathlib.Path, seconds: float = SECONDS,
            text: str = "", machine: Sequence[str] = ()) -> list[str]:
    """Without arm-rmm if there is a @machine of its own."""
    command = [session.qemu, "-nodefaults", "-display", "none", "-no-reboot",
               "-monitor", "none", "-serial", "stdio"]
    command += ([*machine, "-m", "512M", "-kernel", str(program)] if machine
                else [*MACHINE, "-device", f"{device},bl33={program}"])
    said, _ = run_to_end(command, seconds, text)
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(f"{command}\n{said}")
    return said.splitlines()


def judge(lines: list[str]) -> tuple[int, list[str]]:
    """Test points that passed, and what is wrong."""
    good = [x for x in lines if x.startswith("ok ")]
    wrong = [x for x in lines if x.startswith(("not ok ", "# came",
                                               "# exception", "# no end"))]
    plan = [x for x in lines if x.startswith("1..")]
    if not wrong and plan != [f"1..{len(good)}"]:
        wrong.append(f"plan {plan}, but {len(good)} test points passed")
        wrong += lines[-5:]
    for line in lines:
        # An RMM that lost memory would say so itself.
        if line.startswith(("arm-rmm: memory-held", "arm-rmm: realm-left",
                            "arm-rmm: left-delegated",
                            "arm-rmm: sro-abandoned")):
            wrong.append(line)
    return len(good), wrong


def run(session: Session, kernel: Kernel, test: GuestTest,
        outcome: Outcome) -> None:
    program = build(session, "rmi-host", SOURCES, [])
    total = 0
    seeds_only = test.name.endswith(":seeds")
    runs: list[tuple[str, str, dict[str, Any]]] = [
        (name, properties, {"rules": rules})
        for name, properties, rules in SCRIPTS if not seeds_only]
    for seed in MANY_SEEDS if seeds_only else SEEDS:
        abi = PROFILES[seed % 3]
        runs.append((f"seed {seed}", f"abi={abi},realm-granules={seed % 4}",
                     {"random-seed": seed}))
    for number, (name, properties, script) in enumerate(runs, 1):
        session.progress.step(test.name, name)
        lines = console(session, program, property_text(properties, script),
                        session.log(f"{test.name}-{number}"))
        good, wrong = judge(lines)
        total += good
        outcome.points.append(Point(
            number, not wrong,
            f"{name} => {'wrong' if wrong else 'right'} ({good} points)",
            details=wrong[:20]))
    outcome.plan = len(outcome.points)
    outcome.seen.append(f"{len(runs)} courses, {total} test points, no page "
                        "lost")
