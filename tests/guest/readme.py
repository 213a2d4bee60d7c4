# What the README shows is what comes out.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""Its command line is started as it is printed, lspci in that guest prints what
stands below it; its scenario is one that the harness takes; its recipe is there;
its commands are known to ./rig and make."""

from __future__ import annotations

import pathlib
import re
import shlex
import subprocess

from harness import front, recipes
from harness.guest import Boot, Guest
from harness.session import TOP, Kernel, Session
from harness.table import GuestTest
from harness.tap import Outcome, Point

SECONDS = 120
WORD = "readme-end"


def blocks(text: str) -> list[str]:
    """Indented ones, without the indentation"""
    found = re.findall(r"(?:^    .*\n|^\n(?=    ))+", text, re.M)
    return ["\n".join(x[4:] for x in b.splitlines()).strip() for b in found]


def lspci_wanted(shown: list[str]) -> list[tuple[str, str]]:
    """Each line with the function that it belongs to"""
    function, out = "", []
    for line in shown:
        if re.match(r"[0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f] ", line):
            function = line.split()[0]
        out.append((function, " ".join(line.split())))
    return out


def run_command_line(session: Session, command: str, log: pathlib.Path) -> list[str]:
    """Start what is printed, and type what is described."""
    words = shlex.split(command.replace("\\\n", " "))
    assert words[0] == "build/qemu-system-aarch64", words[0]
    at = words.index("-serial")
    words[at + 1] = "stdio"
    boot = Boot("readme", session.qemu, pathlib.Path(), None, [], programs=[])
    boot.command = lambda qmp=None: [       # type: ignore[method-assign]
        session.qemu, *(str(session.build / w.removeprefix("build/"))
                        if w.startswith("build/") else w for w in words[1:])]
    guest = Guest(boot, log)

    def type_in(guest: Guest) -> None:
        guest.wait_line("Ctrl-A x quits QEMU")
        guest.send("lspci -vvv; setpci -s 02:00.0 CAP_EXP+28.w=0:80; "
                   f"setpci -s 02:00.0 CAP_EXP+28.w; echo {WORD}; poweroff")

    guest.run([type_in])
    return guest.lines


def command_line(session: Session, parts: list[str],
                 log: pathlib.Path) -> list[str]:
    """What is wrong"""
    at = next(i for i, b in enumerate(parts)
              if b.startswith("build/qemu-system-aarch64"))
    printed = [" ".join(x.split()) for x in run_command_line(
        session, parts[at], log)]
    there = lspci_wanted(printed)
    missing = [f"{f}: {line}" for f, line in lspci_wanted(
        parts[at + 1].splitlines()) if (f, line) not in there]
    if "0000" not in printed:
        missing.append("setpci does not clear the bit")
    if any("libkmod" in x for x in printed):
        missing.append("lspci complains about libkmod")
    return missing


def commands(parts: list[str]) -> list[str]:
    """Each line that begins with rig or make has to be one that is known."""
    wrong = []
    for line in "\n".join(parts).splitlines():
        line = line.split("  #")[0]
        match = re.match(r"(?:RIG_\w+=\S+ )?(?:~/qemu-rig/|\./)?(rig|make) (.*)", line)
        if not match or "ARCH=" in line:
            continue
        words = shlex.split(match[2])
        known = match[1] == "make" and subprocess.run(
            ["make", "-C", str(TOP), "-n", *words], capture_output=True
            ).returncode == 0
        try:
            front.parse(words)
        except (Exception, SystemExit) as error:
            if not known:
                wrong.append(f"{line}: {error}")
    return wrong


def scenes(parts: list[str], text: str) -> list[str]:
    wrong = []
    names = {r.name for r in recipes.recipes()}
    for name in re.findall(r"--rmm=([a-z0-9-]+)|RIG_RMI_ROWS=([a-z0-9-]+)", text):
        if (name[0] or name[1]) not in names:
            wrong.append(f"there is no recipe {name}")
    if not any(b.startswith("scene ") for b in parts):
        wrong.append("there is no scenario")
    return wrong


def run(session: Session, kernel: Kernel, test: GuestTest,
        outcome: Outcome) -> None:
    text = (TOP / "README.md").read_text()
    parts = blocks(text)
    session.leave_a_shell(kernel)
    for number, (words, wrong) in enumerate((
            ("the command line, and lspci below it",
             command_line(session, parts, session.log(f"{test.name}-{kernel.label}"))),
            ("the commands", commands(parts)),
            ("the scenes", scenes(parts, text))), 1):
        outcome.points.append(Point(number, not wrong, words, details=wrong[:20]))
    outcome.plan = len(outcome.points)
    outcome.seen.append("what it shows is what comes out")
