# A kernel against the cookbook of arm-rmm: one boot for each recipe.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""`make recipes`: the kernel and the user land are the user's, which starts a
realm VM and powers off. Nothing is judged: the table says what happened."""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import fnmatch
import os
import pathlib
import re
import subprocess
import time

from . import guest, recipes
from .guest import too_large, scale
from .patience import Patience
from .recipes import Recipe
from .session import Kernel, Session
from .table import TableError

SECONDS = int(os.environ.get("RIG_RECIPE_SECONDS", "60"))
# "WARNING: drivers/.../rmi.c:42 at rmi_sro_reclaim+0x1/0x2" and its relatives
WARNING = re.compile(r"WARNING: .* at ([A-Za-z_]\w*)")
TROUBLE = re.compile(r"(Kernel panic|Internal error: \S+|BUG: [^:]*|"
                     r"Unable to handle|soft lockup|rcu: INFO)")
FINDING = re.compile(r"^arm-rmm: ([a-z-]+) x ([0-9]+):")
RULE = re.compile(r"^arm_rmm_rule \S+ rule ([0-9]+)")


@dataclasses.dataclass
class Taken:
    recipe: Recipe
    reached: str        # how often a rule of the recipe applied
    end: str
    kernel: list[str]
    findings: list[str]

    def row(self) -> tuple[str, ...]:
        return (self.recipe.name, self.reached, self.end,
                " ".join(self.kernel) or "-", " ".join(self.findings) or "-")


def unique(words: list[str]) -> list[str]:
    return list(dict.fromkeys(words))


def findings(lines: list[str]) -> list[str]:
    """One word for each kind, with the sum of its lines."""
    total: collections.Counter[str] = collections.Counter()
    for found in filter(None, map(FINDING.match, lines)):
        total[found[1]] += int(found[2])
    return [f"{kind}:{count}" for kind, count in total.items()]


def end(text: str, status: int | None) -> str:
    if status is None:
        return f"hung ({SECONDS * scale():g} s)"
    if "Kernel panic" in text:
        return "panic"
    return "off" if status == 0 else f"QEMU: {status}"


def wait(process: subprocess.Popen[bytes]) -> int | None:
    """Its status; None if it had to be ended. The report still comes then."""
    patience = Patience(process.pid)
    while process.poll() is None:
        time.sleep(0.2)
        if patience.elapsed() > SECONDS * scale() or too_large(process.pid):
            process.terminate()
            process.wait()
            return None
    return process.returncode


def take(session: Session, kernel: Kernel, recipe: Recipe, more: str) -> Taken:
    wish = ",".join(x for x in (recipe.name, more) if x)
    topology = recipes.topology(wish)
    log = session.log(f"recipe-{recipe.name}")
    log.parent.mkdir(parents=True, exist_ok=True)
    trace = log.with_suffix(".trace")
    trace.unlink(missing_ok=True)
    command = session.boot(log.stem, kernel, topology, []).command()
    command += ["-trace", "arm_rmm_rule", "-D", str(trace)]
    status: int | None
    with open(log, "wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                   stdout=out, stderr=subprocess.STDOUT)
        guest.running(process)
        try:
            status = wait(process)
        finally:
            guest.ended(process)
    text = log.read_text(errors="replace")
    applied = trace.read_text().splitlines() if trace.exists() else []
    own = len(recipe.script.get("rules", []))
    reached = sum(1 for rule in map(RULE.match, applied)
                  if rule and int(rule[1]) < own)
    return Taken(recipe, str(reached) if own else "-",
                 end(text, status),
                 unique([f"WARN:{x}" for x in WARNING.findall(text)] +
                        [x.replace(" ", "-") for x in TROUBLE.findall(text)]),
                 findings(text.splitlines()))


def table(taken: list[Taken]) -> str:
    rows = [("recipe", "reached", "end", "kernel", "arm-rmm"),
            *(t.row() for t in taken)]
    widths = [max(len(r[i]) for r in rows) for i in range(4)]
    return "\n".join("  ".join(
        [*(f"{cell:{width}}" for cell, width in zip(row, widths)), row[4]])
        for row in rows)


def nothing_reached(taken: list[Taken]) -> str:
    """A run in which no rule of any recipe applied has shown nothing."""
    counts = [t.reached for t in taken if t.reached != "-"]
    if not counts or any(c != "0" for c in counts):
        return ""
    return ("no rule of any recipe was reached: this kernel has no code that "
            "calls the RMM, or its user land starts no realm")


def run(session: Session, kernel: Kernel, pattern: str, more: str,
        jobs: int) -> int:
    """@more: properties, and a script whose rules go behind the recipe's"""
    if not session.initrd:
        raise TableError("INITRD= is missing: a user land that starts a realm VM "
                         "and powers off")
    chosen = [r for r in recipes.recipes() if not r.machine and
              fnmatch.fnmatch(r.name, pattern or "*")]
    if not chosen:
        raise TableError(f"T={pattern}: no recipe has such a name")
    taken = []
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(max(1, jobs)) as pool:
        try:
            for one in pool.map(lambda r: take(session, kernel, r, more),
                                chosen):
                taken.append(one)
                print(f"[{len(taken)}/{len(chosen)}] {'  '.join(one.row())}",
                      flush=True)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            guest.kill_all()
            raise
    result = session.build / "results" / "recipes.txt"
    result.parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(result).write_text(table(taken) + "\n")
    print(f"\n{table(taken)}\n\n{len(taken)} boots in "
          f"{time.monotonic() - began:.0f} s; this table: "
          f"{session.shown(result)}, consoles: build/logs/guest/recipe-*.log")
    wrong = nothing_reached(taken)
    if wrong:
        print(wrong)
    return 1 if wrong else 0
