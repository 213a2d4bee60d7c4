#!/usr/bin/env python3
# The harness must not pass what did not pass: its own tests, no guest needed.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""Feed consoles to the judge and look at the verdict."""

from __future__ import annotations

import argparse
import fnmatch
import importlib
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import unittest.mock
from typing import cast

sys.dont_write_bytecode = True

from harness import behaviours, compare, cookbook   # noqa: E402
from harness import guest as guests                 # noqa: E402
from harness import klog, recipes                   # noqa: E402
from harness import report, service, session, table     # noqa: E402
from harness.behaviours import Behaviours           # noqa: E402
from harness.guest import Boot, Guest, Limits, Qmp, run_to_end  # noqa: E402
from harness.image import Cpio, Modules             # noqa: E402
from harness.report import Row                      # noqa: E402
from harness.tap import Console, Outcome, Point                     # noqa: E402

# It is a program; its functions are tested all the same.
program = importlib.import_module("run")

GOOD = ["up: 6.12", "begin t", "# step: one", "ok 1 - a", "ok 2 - b", "1..2",
        "end t exit 0", "done"]


def judge(ours: list[str], kernel: list[str] | None = None,
          trouble: str = "") -> Console:
    console = Console(["t"])
    for number, line in enumerate(ours):
        console.feed(f"[    {number}.000000][    T1] rig: {line}", float(number))
        if line.startswith("# step") and kernel:
            for said in kernel:
                console.feed(f"[    {number}.5] {said}", float(number))
    console.close(trouble)
    return console


def without(line: str) -> list[str]:
    return [entry for entry in GOOD if entry != line]


class Verdicts(unittest.TestCase):
    def passes(self, console: Console) -> bool:
        return console.outcomes["t"].passed and not console.problems

    def test_good(self) -> None:
        console = judge(GOOD)
        self.assertTrue(self.passes(console))
        self.assertTrue(console.outcomes["t"].judged)

    def test_each_line_is_needed(self) -> None:
        for line in GOOD:
            if line.startswith(("begin", "ok", "1..", "end", "done")):
                self.assertFalse(self.passes(judge(without(line))), line)

    def test_not_ok(self) -> None:
        bad = ["not " + x if x == "ok 2 - b" else x for x in GOOD]
        self.assertFalse(self.passes(judge(bad)))

    def test_number_twice(self) -> None:
        bad = ["ok 1 - b" if x == "ok 2 - b" else x for x in GOOD]
        self.assertFalse(self.passes(judge(bad)))

    def test_second_plan(self) -> None:
        at = GOOD.index("1..2")
        self.assertFalse(self.passes(judge(GOOD[:at] + ["1..2"] + GOOD[at:])))

    def test_exit_status(self) -> None:
        for how in ("exit 1", "signal 11"):
            bad = [x.replace("exit 0", how) for x in GOOD]
            self.assertFalse(self.passes(judge(bad)), how)

    def test_same_words(self) -> None:
        """Two kernels' points are paired by them."""
        bad = ["ok 2 - a => 7" if x == "ok 2 - b" else x for x in GOOD]
        self.assertIn("same words", judge(bad).outcomes["t"].problems[0])

    def test_kernel_trouble(self) -> None:
        for line in ("Kernel panic - not syncing: x", "WARNING: CPU: 0 PID: 1 at",
                     "WARNING: mm/slub.c:1 at x, CPU#0: sh/1",
                     "Internal error: Oops: 1 [#1]", "BUG: sleeping function",
                     "Call trace:", "Unable to handle kernel paging request"):
            self.assertFalse(self.passes(judge(GOOD, [line])), line)

    def test_expected_trouble(self) -> None:
        expecting = GOOD[:2] + ["# expect-kernel: WARNING: .*known"] + GOOD[2:]
        self.assertTrue(self.passes(judge(expecting, ["WARNING: well known"])))
        self.assertFalse(self.passes(judge(expecting, ["WARNING: another"])))

    def test_only_our_lines_count(self) -> None:
        console = Console(["t"])
        for line in GOOD:
            console.feed(line, 0.0)
        console.close("")
        self.assertFalse(self.passes(console))

    def test_trouble_names_the_program(self) -> None:
        console = judge(GOOD[:4], trouble="hung in the step: one")
        self.assertIn("hung", console.outcomes["t"].problems[0])

    def test_module_error(self) -> None:
        """Why a driver is not there, beside the test that misses it"""
        console = judge(GOOD[:1] + ["# vfio_pci.ko does not load: invalid module "
                                    "format", "begin t", "1..0 # SKIP no vfio",
                                    "end t exit 0", "done"])
        self.assertEqual(console.outcomes["t"].skipped, "no vfio (vfio_pci.ko "
                         "does not load: invalid module format)")

    def test_texts(self) -> None:
        point = Point(1, True, "row 1 (a): x => flags 0x7 (after 1.5 s (sic))")
        self.assertEqual((point.words, point.seen, point.measured),
                         ("row 1 (a): x", "flags 0x7", "after 1.5 s (sic)"))
        point = Point(1, True, "no more (than words)")
        self.assertEqual((point.words, point.seen), ("no more (than words)", ""))


ROW = """
[[behaviour]]
name = "grants-it"
test = "t"
point = 'row 2[0-9]: .*'
seen = 'flags 0x[67]'
rule = "the rule of that time"
kernels = ["1.2.3"]

[[behaviour]]
name = "falls-over"
test = "t*"
point = 'kernel log.*'
seen = 'Unable to handle kernel NULL pointer dereference in kcs_event'
also = 'Comm: sh'
rule = "freed too early"
kernels = ["1.2.3"]
"""
OOPS = ["Unable to handle kernel NULL pointer dereference at virtual address "
        "0000000000000008", "Internal error: Oops: 0000000096000004 [#1]  SMP",
        "CPU: 0 UID: 0 PID: 71 Comm: sh Not tainted 7.3.4 #1",
        "pc : kcs_event+0x34/0x5a0 [ipmi_si]", "lr : x+0x1/0x2",
        "Kernel panic - not syncing: Oops: Fatal exception"]


def known(text: str = ROW, hidden: tuple[str, ...] = ()) -> Behaviours:
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / "some.toml"
        path.write_text(text)
        return Behaviours([path], hidden)


class Trials(unittest.TestCase):
    """Who is judged by a test point: the machine, or a kernel?"""

    def row(self, points: list[str], trial: str,
            hidden: tuple[str, ...] = (), kernel: list[str] | None = None,
            end: tuple[str, ...] = ("end t exit 0", "done")) -> Row:
        """One program with these test points, on one kernel."""
        plan = [f"1..{len(points)}"] if end else []
        console = judge(["up: 1", "begin t", "# step: one",
                         *points, *plan, *end], kernel)
        outcome = console.outcomes["t"]
        known(hidden=hidden).judge(outcome)
        return Row("t", "k", "", outcome, "", [], trial)

    def test_device_point(self) -> None:
        """It fails whoever is on trial, and no table excuses it."""
        for trial in (report.RIG, report.KERNEL):
            row = self.row(["not ok 1 - row 21: x => flags 0x7"], trial)
            self.assertEqual(row.counts(), (0, 1))

    def test_as_expected(self) -> None:
        for trial in (report.RIG, report.KERNEL):
            row = self.row(["ok 1 - row 21: x => flags 0 # KERNEL"], trial)
            self.assertEqual((row.counts(), row.known(), row.news()),
                             ((1, 0), [], []))

    def test_known(self) -> None:
        for trial in (report.RIG, report.KERNEL):
            row = self.row(["not ok 1 - row 21: x => flags 0x7 (9 s) # KERNEL"],
                           trial)
            self.assertEqual(row.counts(), (1, 0))
            self.assertEqual(row.known()[0].behaviour, "grants-it")
            self.assertIn("known: grants-it", report.table([row]))
            self.assertIn("the rule of that time",
                          report.behaviours([row], known()))

    def test_new(self) -> None:
        """What the whole thing is for: it is told, and fails a kernel only."""
        points = ["not ok 1 - row 21: x => flags 0x8 # KERNEL", "#   wanted: 0",
                  "ok 2 - b"]
        rig, kernel = (self.row([x for x in points], t) for t in (
            report.RIG, report.KERNEL))
        self.assertEqual(rig.outcome.problems, ["3 test points were planned, "
                                                "2 came"])
        rig, kernel = (self.row([points[0], points[2]], t) for t in (
            report.RIG, report.KERNEL))
        self.assertEqual((rig.counts(), kernel.counts()), ((1, 0), (1, 1)))
        told = report.news([rig])
        self.assertIn("NEW: t on k: row 21: x\n     expected: flags 0x[67] "
                      "(grants-it)\n     came:     flags 0x8", told)
        self.assertIn("1 NEW", report.tally([rig]))

    def test_hidden(self) -> None:
        """A kernel that no table has seen."""
        points = ["not ok 1 - row 21: x => flags 0x7 # KERNEL", "ok 2 - b"]
        for trial, bad in ((report.RIG, 0), (report.KERNEL, 1)):
            row = self.row(points, trial, ("grants-*",))
            self.assertEqual((row.counts()[1], len(row.news())), (bad, 1))
        with self.assertRaises(table.TableError):
            known(hidden=("no-such-*",))

    def test_open(self) -> None:
        """Where nothing is expected, what came must be in a table."""
        row = self.row(["ok 1 - row 22: y => flags 0x6 # KERNEL open"],
                       report.KERNEL)
        self.assertEqual((row.counts(), row.known()[0].behaviour),
                         ((1, 0), "grants-it"))
        row = self.row(["ok 1 - row 22: y => flags 9 # KERNEL open"],
                       report.KERNEL)
        self.assertEqual(row.counts(), (0, 1))

    def test_log(self) -> None:
        """A warning is the kernel's, and named after what ran."""
        said = ["WARNING: possible circular locking dependency detected",
                "sh/71 is trying to acquire lock:",
                "ffff800081e3b2c8 (pci_rescan_remove_lock){+.+.}-{4:4}, at: x",
                "but task is already holding lock:",
                "ffff0000c5c8f3a0 (&ctrl->reset_lock){++++}-{4:4}, at: y"]
        row = self.row(["ok 1 - a"], report.RIG, kernel=said)
        self.assertEqual(row.counts(), (1, 0))
        self.assertEqual(row.news()[0].description, "kernel log => WARNING: "
                         "possible circular locking dependency detected: "
                         "pci_rescan_remove_lock, &ctrl->reset_lock")
        self.assertEqual(self.row(["ok 1 - a"], report.KERNEL,
                                  kernel=said).counts(), (1, 1))

    def test_crash(self) -> None:
        """An oops that is known passes, but the machine was not judged."""
        row = self.row([], report.RIG, kernel=OOPS, end=())
        self.assertEqual(row.known()[0].behaviour, "falls-over")
        self.assertEqual(row.result(), "kernel died")
        report.settle([row])
        self.assertEqual(row.counts(), (1, 1))
        self.assertIn("kcs_event", row.outcome.crash)
        good = self.row(["ok 1 - a"], report.RIG)
        report.settle([row, good])
        self.assertEqual(row.counts(), (1, 0))
        other = self.row([], report.KERNEL, kernel=OOPS, end=())
        self.assertEqual(other.counts(), (1, 0))
        other = self.row([], report.KERNEL, ("falls-over",), OOPS, ())
        self.assertEqual(other.counts(), (0, 2))
        other.outcome.log = []      # it was to follow in the same guest
        self.assertEqual(other.counts(), (0, 1))

    def test_also(self) -> None:
        """The headline alone is not enough where the table wants more."""
        row = self.row([], report.RIG, end=(), kernel=[
            x.replace("Comm: sh", "Comm: init") for x in OOPS])
        self.assertEqual(len(row.news()), 1)

    def test_skip(self) -> None:
        """A kernel may lack a driver; every test has to run on one of them."""
        console = judge(GOOD[:2] + ["1..0 # SKIP kernel has no vfio-pci",
                                    "end t exit 0", "done"])
        outcome = console.outcomes["t"]
        self.assertEqual(outcome.skipped, "kernel has no vfio-pci")
        known().judge(outcome)
        rig = Row("t", "k", "", outcome, "", [], report.RIG)
        report.settle([rig])
        self.assertEqual(rig.counts(), (0, 1))
        self.assertIn("kernel has no vfio-pci", report.news([rig]))
        report.settle([rig, self.row(["ok 1 - a"], report.RIG)])
        self.assertEqual(rig.counts(), (0, 0))
        own = Row("t", "k", "", outcome, "", [], report.KERNEL)
        self.assertEqual(own.counts(), (0, 0))

    def test_skipped_point(self) -> None:
        row = self.row(["ok 1 - a # SKIP no such bus"], report.RIG)
        self.assertEqual((row.counts(), row.news()[0].seen),
                         ((0, 0), "skipped: no such bus"))


class KernelLog(unittest.TestCase):
    """One report, however many lines and whoever else writes between."""

    def reports(self, lines: list[str]) -> list[klog.Report]:
        console = Console(["t"])
        console.feed("rig: begin t", 0)
        for line in lines:
            console.feed(line, 0)
        console.close("")
        return console.outcomes["t"].reports

    def test_one_report(self) -> None:
        lines = [f"[  1.{n:06}] {x}" for n, x in enumerate(OOPS)]
        lines.insert(2, "[  1.000001] rig: ok 1 - somebody else")
        found = self.reports(lines)
        self.assertEqual(len(found), 1)
        self.assertTrue(found[0].fatal)

    def test_panic_of_an_oops(self) -> None:
        """Behind the end of the trace, and still the same trouble"""
        lines = [*OOPS[:-1], "---[ end trace 0000000000000000 ]---", OOPS[-1]]
        found = self.reports([f"[  1.{n:06}] {x}" for n, x in enumerate(lines)])
        self.assertEqual(len(found), 1)
        self.assertIn("Kernel panic", found[0].lines[-1])

    def test_two_reports(self) -> None:
        found = self.reports([
            "[  1.0] WARNING: CPU: 0 PID: 5 at drivers/a.c:12 f+0x1/0x2",
            "[  1.1] Call trace:", "[  1.2] BUG: sleeping function called from "
            "invalid context at kernel/locking/mutex.c:591",
            "[  3.0] Call trace:"])
        self.assertEqual([r.seen for r in found], [
            "WARNING: at drivers/a.c f", "BUG: sleeping function called from "
            "invalid context at kernel/locking/mutex.c", "Call trace"])

    def test_same_headline(self) -> None:
        """Who, where and when is not part of it."""
        for one, two in (
                ("watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [sh:1]",
                 "watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [init:9]"),
                ("WARNING: CPU: 0 PID: 1 at fs/x.c:3 f+0x8/0x10",
                 "WARNING: CPU: 1 PID: 9 at fs/x.c:4 f+0xc/0x20"),
                ("INFO: task sh:71 blocked for more than 120 seconds.",
                 "INFO: task init:1 blocked for more than 241 seconds."),
                ("BUG: KASAN: slab-use-after-free in g+0x1/0x2 [ipmi_si]",
                 "BUG: KASAN: slab-use-after-free in g+0x9/0x20")):
            self.assertEqual(klog.headline(one), klog.headline(two))

    def test_twice(self) -> None:
        line = "BUG: soft lockup - CPU#0 stuck for 22s! [sh:1]"
        console = judge(GOOD, [line, line])
        self.assertEqual([p.measured for p in console.outcomes["t"].log],
                         ["2 times"])


class Processes(unittest.TestCase):
    """A stand-in for QEMU: what happens when it fails or hangs."""

    def run_script(self, text: str, seconds: int = 1) -> Console:
        with tempfile.TemporaryDirectory() as name:
            fake = pathlib.Path(name) / "qemu"
            fake.write_text("#!/bin/sh\n" + text)
            fake.chmod(0o755)
            boot = Boot("fake", str(fake), pathlib.Path("Image"), None, [],
                        programs=[("t", seconds)])
            return Guest(boot, pathlib.Path(name) / "log").run()

    def test_good(self) -> None:
        console = self.run_script("".join(f"echo 'rig: {x}'\n" for x in GOOD))
        self.assertTrue(console.outcomes["t"].passed)

    def test_refusal(self) -> None:
        console = self.run_script("echo 'qemu: bad device'; exit 1")
        self.assertIn("bad device", console.problems[0])
        self.assertFalse(console.outcomes["t"].passed)

    def test_hang(self) -> None:
        console = self.run_script("echo 'rig: up: 1'; echo 'rig: begin t'\n"
                                  "echo 'rig: # step: the hard one'\n"
                                  "exec sleep 100")
        self.assertIn("the hard one", console.outcomes["t"].problems[0])

    def test_lost(self) -> None:
        """A soft lockup: nobody waits for the rest of the five minutes."""
        with unittest.mock.patch.object(guests, "LOST_SECONDS", 1):
            began = time.monotonic()
            console = self.run_script(
                "echo 'rig: up: 1'; echo 'rig: begin t'\n"
                "echo 'watchdog: BUG: soft lockup - CPU#0 stuck for 26s!'\n"
                "exec sleep 100", 300)
        self.assertLess(time.monotonic() - began, 60)
        outcome = console.outcomes["t"]
        self.assertTrue(outcome.crash.startswith("the kernel said: BUG: soft "))
        self.assertEqual(outcome.problems, [])

    def test_silent(self) -> None:
        with unittest.mock.patch.object(guests, "SILENT_SECONDS", 1):
            console = self.run_script("exec sleep 100")
        self.assertIn("nothing at all", console.problems[0])

    def test_memory(self) -> None:
        """No test takes the machine down."""
        with unittest.mock.patch.object(guests, "MEMORY_MIB", 50):
            text, status = run_to_end(
                [sys.executable, "-c", "import time; x = b'x' * (200 << 20); "
                 "time.sleep(100)"], 300)
        self.assertEqual(status, None)
        self.assertIn("grew to", text)

    def test_scale(self) -> None:
        for text in ("abc", "-1", "0", "nan"):
            with unittest.mock.patch.dict(os.environ, RIG_TIMEOUT_SCALE=text):
                with self.assertRaises(table.TableError):
                    guests.scale()


class Patient(unittest.TestCase):
    """A limit counts the seconds in which the guest had a CPU."""

    class FakePatience:
        now = 0.0

        def elapsed(self) -> float:
            return self.now

    def limits(self, console: Console) -> tuple[Limits, FakePatience]:
        fake = self.FakePatience()
        limits = Limits(os.getpid(), {"t": 10}, console)
        limits.patience = cast(guests.Patience, fake)
        return limits, fake

    def at(self, limits: Limits, fake: FakePatience, now: float) -> str:
        fake.now, limits.read = now, 0.0
        return limits.check()

    def test_slow_boot_stretches(self) -> None:
        for boot, dead in ((8, 11), (80, 101)):
            console = Console(["t"])
            limits, fake = self.limits(console)
            limits.heard()
            self.assertEqual(self.at(limits, fake, 1), "")
            console.feed("rig: up: 1", 0)
            console.feed("rig: begin t", 0)
            self.assertEqual(self.at(limits, fake, boot), "")
            self.assertEqual(self.at(limits, fake, boot + dead - 2), "")
            self.assertIn("hung", self.at(limits, fake, boot + dead))

    def test_silence(self) -> None:
        limits, fake = self.limits(Console(["t"]))
        self.assertEqual(self.at(limits, fake, 80), "")
        limits.last = 80
        self.assertEqual(self.at(limits, fake, 160), "")
        self.assertIn("said nothing", self.at(limits, fake, 180))


class Asking(unittest.TestCase):
    """What the host answers to a guest program."""

    class FakeQmp:
        def __init__(self) -> None:
            self.done: list[tuple[str, dict[str, object]]] = []
            self.answers: dict[str, object] = {}
            self.events = [{"event": "PCIE_FABRIC_AUDIT"}]

        def command(self, name: str, **arguments: object) -> object:
            self.done.append((name, arguments))
            if name == "device_del":
                raise RuntimeError("no such device")
            return self.answers.get(name)

        def take(self, name: str) -> list[dict[str, str]]:
            return [e for e in self.events if e["event"] == name]

    def ask(self, qmp: FakeQmp, text: str) -> list[str]:
        return service.answer(cast(Qmp, qmp), text.split())

    def test_set(self) -> None:
        qmp = self.FakeQmp()
        self.assertEqual(self.ask(qmp, "set ep0 reset-ready-ms -1"), ["."])
        self.assertEqual(qmp.done[0][1]["value"], -1)
        self.assertEqual(qmp.done[0][1]["path"], "/machine/peripheral/ep0")

    def test_refusals(self) -> None:
        for text in ("nonsense", "set ep0", "del ep9"):
            answer = self.ask(self.FakeQmp(), text)
            self.assertTrue(answer[-1].startswith(f"! {text}"), answer)

    def test_audit(self) -> None:
        qmp = self.FakeQmp()
        qmp.answers["query-pcie-fabric-audit"] = {"dropped": 2, "findings": [
            {"kind": "late-dma", "device": "ep0", "address": 256, "count": 3,
             "resets": 1, "time-ns": 5, "port": "ds0"}]}
        self.assertEqual(self.ask(qmp, "audit"), [
            "1 2 1", "late-dma ep0 0x100 3 1 - 5 -", "."])
        self.assertEqual(qmp.done[1][0], "pcie-fabric-audit-clear")

    def test_fault(self) -> None:
        """Bytes are hexadecimal, and what is there already stays."""
        qmp = self.FakeQmp()
        qmp.answers["query-ipmi-faults"] = [{"fault": {"action": "drop"}}]
        self.assertEqual(self.ask(qmp, "ipmi-fault delay 06 2f delay-ms=10 "
                                  "direction=out"), ["."])
        self.assertEqual(qmp.done[-1][1]["faults"], [
            {"action": "drop"},
            {"action": "delay", "netfn": 6, "cmd": 0x2f, "delay-ms": 10,
             "direction": "out"}])
        for text in ("ipmi-fault drop 06 04 00", "ipmi-fault drop zz",
                     "ipmi-fault"):
            self.assertTrue(self.ask(qmp, text)[-1].startswith("! "), text)


class Scenarios(unittest.TestCase):
    """What the harness reads in a file of somebody's own."""

    def read(self, text: str, name: str = "hang.ipmi") -> table.GuestTest:
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / name
            path.write_text(text)
            return table.read_scenario(path)

    def test_plain(self) -> None:
        test = self.read("# It hangs\nfault drop 06 01\n")
        self.assertEqual((test.name, test.exercised, test.topology),
                         ("ipmi-scenario:hang", "It hangs", "ipmi-scenario"))
        self.assertEqual(test.kernels, table.KERNELS)
        self.assertTrue(test.interpreter and test.interpreter.exists())

    def test_words(self) -> None:
        test = self.read("needs ipmi_watchdog\nkernels stable\n"
                         "topology ipmi-both\n")
        self.assertEqual((test.kernels, test.topology, test.needs[-1]),
                         (("stable",), "ipmi-both", "ipmi_watchdog"))

    def test_options(self) -> None:
        test = self.read("-device ipmi-bmc-multi,id=bmc0\nsend 06 01\n")
        self.assertTrue(test.topology.endswith("hang.ipmi"))

    def test_refusals(self) -> None:
        with self.assertRaises(table.TableError):
            self.read("", "hang.txt")
        with self.assertRaises(table.TableError):
            self.read("kernels oldest\n")


class Sums(unittest.TestCase):
    """The last line of make check."""

    def sum(self, xml: str) -> subprocess.CompletedProcess[str]:
        with tempfile.TemporaryDirectory() as directory:
            (pathlib.Path(directory) / "guest.xml").write_text(xml)
            return subprocess.run(
                [sys.executable, str(session.TOP / "scripts/sum-results.py"),
                 directory, "guest"], capture_output=True, text=True)

    def test_news(self) -> None:
        """A line of its own before the verdict, and no failure."""
        done = self.sum("<t><testcase/><testcase><skipped message='NEW: x'/>"
                        "</testcase><testcase><skipped message='no bus'/>"
                        "</testcase></t>")
        *_, before, last = done.stdout.splitlines()
        self.assertIn("kernel news: 1 ", before)
        self.assertEqual(last, "1 passed, 0 failed, 1 skipped")
        self.assertEqual(done.returncode, 0)

    def test_failure(self) -> None:
        done = self.sum("<t><testcase><failure message='NEW'/></testcase></t>")
        self.assertEqual((done.stdout.splitlines()[-1], done.returncode),
                         ("0 passed, 1 failed", 1))


class Monitor(unittest.TestCase):
    """QMP, spoken with a QEMU that is made up."""

    def test_event_behind_an_answer(self) -> None:
        """One recv() may bring both; the next command must not lose it."""
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "qmp")
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(path)
            listener.listen()

            def be_qemu() -> None:
                peer, _ = listener.accept()
                peer.sendall(b'{"QMP": {}}\n')
                for _ in range(3):
                    peer.recv(4096)
                    peer.sendall(b'{"return": {}}\n{"event": "E"}\n')
                peer.close()

            thread = threading.Thread(target=be_qemu)
            thread.start()
            qmp = Qmp(path)
            qmp.command("one")
            qmp.command("two")
            self.assertEqual(len(qmp.take("E")), 2)
            qmp.socket.close()
            thread.join()
            listener.close()


class Comparing(unittest.TestCase):
    """Two kernels, one test: what is told to be different."""

    def rows(self, old: list[Point], new: list[Point]) -> list[Row]:
        rows = []
        for kernel, points in ((compare.OLD, old), (compare.NEW, new)):
            outcome = Outcome("t", points)
            outcome.plan = len(points)
            outcome.finish("exit 0")
            known().judge(outcome)
            rows.append(Row("t", kernel, "", outcome, "", [], report.COMPARE))
        return rows

    def told(self, old: list[Point],
             new: list[Point]) -> list[compare.Difference]:
        return compare.differences(self.rows(old, new))

    def test_same(self) -> None:
        """What is measured differs each time."""
        old = [Point(1, True, "row 1"), Point(2, True, "up => yes (1.5 s)")]
        new = [Point(1, True, "row 1"), Point(2, True, "up => yes (22 s)")]
        self.assertEqual(self.told(old, new), [])

    def test_worse_and_better(self) -> None:
        old = [Point(1, True, "row 1"), Point(2, False, "row 2")]
        new = [Point(1, False, "row 1", details=["got 3"]),
               Point(2, True, "row 2")]
        first, second = self.told(old, new)
        self.assertEqual((first.what, first.old, first.new, first.worse),
                         ("row 1", "ok", "not ok: got 3", True))
        self.assertEqual((second.old, second.new, second.worse),
                         ("not ok", "ok", False))

    def test_one_row(self) -> None:
        """The result is no part of the name."""
        told = self.told([Point(1, True, "a: send => 00 55", kind="kernel")],
                         [Point(1, False, "a: send => c0", kind="kernel")])
        self.assertEqual([(d.what, d.old, d.new, d.worse) for d in told],
                         [("a: send", "ok: 00 55", "not ok, NEW: c0", True)])

    def test_known_change(self) -> None:
        """Known on both, and still a change of behaviour."""
        told = self.told([Point(1, True, "row 21: x => flags 0", kind="kernel")],
                         [Point(1, False, "row 21: x => flags 0x7",
                                kind="kernel")])
        self.assertEqual([(d.new, d.worse) for d in told],
                         [("not ok, grants-it: flags 0x7", True)])

    def test_only_one_has_it(self) -> None:
        """What vanishes is worse."""
        old = [Point(1, True, "row 1"), Point(2, True, "row 2")]
        new = [Point(1, True, "row 2"), Point(2, False, "other")]
        self.assertEqual([(d.what, d.old, d.new, d.worse)
                          for d in self.told(old, new)],
                         [("row 1", "ok", "-", True),
                          ("other", "-", "not ok", True)])

    def test_crash(self) -> None:
        rows = self.rows([Point(1, True, "a")], [Point(1, True, "a")])
        rows[1].outcome.crash = "the kernel said: Oops"
        self.assertTrue(compare.differences(rows)[0].worse)
        self.assertTrue(compare.worse(rows))
        self.assertIn("1 difference, 1 for the worse", compare.text(
            rows, {compare.OLD: "a", compare.NEW: "b"}))

    def test_not_run(self) -> None:
        """A test that is skipped, missing or dead on the new kernel is worse,
        one that only the new kernel runs is not."""
        for reverse in (False, True):
            for change in ("skip", "problem", "missing"):
                rows = self.rows([Point(1, True, "a")], [Point(1, True, "a")])
                which = rows[0 if reverse else 1]
                which.outcome.points = []
                if change == "skip":
                    which.outcome.skipped = "kernel has no vfio-pci"
                elif change == "problem":
                    which.outcome.problems.append("did not run: no boot")
                else:
                    rows.remove(which)
                told = compare.differences(rows)
                self.assertEqual(told[0].what, "the whole test")
                self.assertEqual(any(d.worse for d in told), not reverse,
                                 (change, told))

    def test_nothing_ran(self) -> None:
        rows = self.rows([Point(1, True, "a")], [Point(1, True, "a")])
        for row in rows:
            row.outcome.points = []
            row.outcome.skipped = "kernel has no vfio-pci"
        self.assertTrue(compare.worse(rows))
        self.assertIn("no test ran to its end", compare.text(
            rows, {compare.OLD: "a", compare.NEW: "b"}))

    def test_modules_of_their_own(self) -> None:
        """Those of one kernel are never used for the other one."""
        args = argparse.Namespace(modules=["", "new"])
        self.assertEqual([program.modules_of(args, n) for n in (0, 1)],
                         [None, pathlib.Path("new")])
        args = argparse.Namespace(modules=["old"])
        self.assertEqual([program.modules_of(args, n) for n in (0, 1)],
                         [pathlib.Path("old"), None])


class Files(unittest.TestCase):
    def test_table_and_topologies(self) -> None:
        for test in table.read_table():
            if test.topology != "host":
                self.assertTrue(table.read_topology(test.topology).devices)

    def test_table_mistakes(self) -> None:
        for line in ("a boot stable", "none boot stable pcie-tree - 9 text",
                     "pcie-enum boot never pcie-tree - 9 text",
                     "pcie-enum boot stable pcie-tree - soon text"):
            with self.assertRaises(table.TableError):
                table.parse_line(line, "here")

    def test_device(self) -> None:
        device = table.parse_device("edu,id=a,bus=b,addr=1f.2,x=on")
        self.assertEqual(device and device.row(), "a edu b 1f.2 x=on\n")

    def test_append(self) -> None:
        topology = table.parse_topology("t", ["-smp 1", "-append 'a=b;c d'"])
        self.assertEqual(topology.append, "a=b;c d")
        self.assertNotIn("-append", topology.arguments())

    def test_module_order(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            root = pathlib.Path(name)
            for module, depends in (("a-b", "c_d"), ("c-d", ""), ("e", "")):
                (root / f"{module}.ko").write_bytes(
                    b"\0depends=" + depends.encode() + b"\0")
            names = [n for n, _ in Modules(root).closure(("a_b", "absent"))]
        self.assertEqual(names, ["c_d.ko", "a_b.ko"])

    def test_cpio(self) -> None:
        cpio = Cpio()
        cpio.file("a/b", b"text")
        data = cpio.finish()
        self.assertEqual(len(data) % 512, 0)
        self.assertEqual(data.count(b"070701"), 3)

    def test_junit(self) -> None:
        outcome = judge(without("1..2")).outcomes["t"]
        with tempfile.TemporaryDirectory() as name:
            path = pathlib.Path(name) / "x.xml"
            report.junit([Row("t", "k", "", outcome, "", ["\x1b"], False)], path)
            self.assertIn("<failure", path.read_text())


class Tables(unittest.TestCase):
    """Known behaviours as data."""

    def test_ours(self) -> None:
        """Every row names a test that is there."""
        rows = Behaviours(sorted(behaviours.TABLES.glob("*.toml"))).rows
        names = [t.name for t in table.read_table()]
        for row in rows:
            self.assertTrue(fnmatch.filter(names, row.test), row.name)
            self.assertTrue(row.kernels, row.name)

    def test_faults_are_listed(self) -> None:
        """The page has each with the command that shows it, and no other."""
        page = (session.TOP / "docs" / "kernel-faults.rst").read_text()
        rows = Behaviours(sorted(behaviours.TABLES.glob("*.toml"))).rows
        faults = {r.name: r.fault for r in rows if r.fault}
        for name, command in faults.items():
            self.assertIn(f"``{name}``", page)
            self.assertIn(command, page)
        for name in re.findall(r"known as ``([a-z0-9-]+)``", page):
            self.assertIn(name, faults)

    def test_no_version_decides(self) -> None:
        """A kernel is recognised by what it does."""
        here = pathlib.Path(__file__).resolve().parent
        for path in (*here.glob("*.[ch]"), *here.glob("*.sh")):
            self.assertIsNone(re.search(r"\buname\(|\buname -r",
                                        path.read_text()), path.name)

    def test_mistakes(self) -> None:
        for old, new in (("grants-it", "Grants it"), ("name =", "nom ="),
                         ("test = \"t\"", ""), ("[[behaviour]]", "[[x]]"),
                         ("row 2[0-9]", "row 2[0-9"), ("falls-over", "grants-it"),
                         ('["1.2.3"]', '"1.2.3"'), ("rule", "= rule")):
            with self.assertRaises(table.TableError, msg=new):
                known(ROW.replace(old, new))

    def test_labels(self) -> None:
        for version, short in (("6.12.117+deb13-arm64", "6.12.117"),
                               ("7.3.4+deb14-arm64-16k", "7.3.4-16k"),
                               ("7.4~rc2-arm64", "7.4~rc2"),
                               ("6.12.90-1-arm64", "6.12.90")):
            self.assertEqual(session.label(version), short)


class _Points(unittest.TestResult):
    """unittest's results as lines of JSON: name, and what is wrong"""

    def stopTest(self, test: unittest.TestCase) -> None:
        bad = [text for failed, text in self.failures + self.errors
               if failed is test]
        print(json.dumps([test.id().split(".", 1)[1], "".join(bad)]), flush=True)


def every_test() -> unittest.TestSuite:
    """Those of this file, and of selftest_*.py beside it."""
    here = pathlib.Path(__file__).resolve().parent
    loader = unittest.defaultTestLoader
    ours = [x for x in vars(sys.modules[__name__]).values()
            if isinstance(x, type) and issubclass(x, unittest.TestCase)]
    return unittest.TestSuite(
        [*map(loader.loadTestsFromTestCase, ours),
         *(loader.loadTestsFromModule(table.load_module(path))
           for path in sorted(here.glob("selftest_*.py")))])


def run(session: object, kernel: object, test: object, outcome: Outcome) -> None:
    """As a line of guests.tab: no guest, the host's side alone. In a process of
    its own: what a test changes of the harness for a moment is none of the
    guests' that run beside it."""
    del session, kernel, test
    done = subprocess.run([sys.executable, __file__, "--points"],
                          capture_output=True, text=True)
    for number, line in enumerate(done.stdout.splitlines(), 1):
        name, wrong = json.loads(line)
        outcome.points.append(Point(number, not wrong, name,
                                    details=wrong.splitlines()))
    outcome.plan = len(outcome.points)
    if done.returncode or not outcome.points:
        outcome.problems.append(f"status {done.returncode}: "
                                f"{done.stderr.strip()[-300:]}")
    outcome.seen.append(f"{sum(p.passed for p in outcome.points)} of "
                        f"{outcome.plan} made-up consoles, processes and files "
                        "judged as they should be")


class Recipes(unittest.TestCase):
    PAGE = """
7, C2  ``some-name``
    What it does. Reached: ``f()``. ::

      abi=bet0
      {"rules": [{"command": "X",
                  "times": 2}]}

8  ``other``
    Nothing.
"""

    def test_page(self) -> None:
        one, two = recipes.parse(self.PAGE)
        self.assertEqual(one.rows, ("7", "C2"))
        self.assertEqual(one.properties, "abi=bet0")
        self.assertEqual(one.script["rules"][0]["times"], 2)
        self.assertEqual((two.name, two.script), ("other", {}))

    def test_broken_page(self) -> None:
        for old, new in (("times\": 2}]", "times\": 2}"), ("other", "some-name")):
            with self.assertRaises(table.TableError):
                recipes.parse(self.PAGE.replace(old, new))

    def test_findings(self) -> None:
        self.assertEqual(cookbook.findings(
            ["arm-rmm: memory-held x 3: a", "arm-rmm: memory-held x 4: b",
             "arm-rmm: 0 calls, no findings", "x arm-rmm: memory-held x 9: c"]),
            ["memory-held:7"])

    def test_ends(self) -> None:
        self.assertEqual(cookbook.end("Kernel panic - not", 0), "panic")
        self.assertEqual(cookbook.end("", 0), "off")
        self.assertEqual(cookbook.end("", 1), "QEMU: 1")
        self.assertIn("hung", cookbook.end("", None))

    def test_place(self) -> None:
        """The line of a mistake in somebody's script"""
        script = '{"rules": [\n{"command": "X",\n"nth": 1},\n{"nth": 2}]}\n'
        for reason, line in (("Parameter 'rules[0].nth' is unexpected", 3),
                             ("Parameter 'rules[1].nth' is unexpected", 4),
                             ("Parameter 'rules[1].command' is missing", 4),
                             ("something else", 1)):
            self.assertEqual(recipes.place(script, reason), line, reason)

    def test_nothing_reached(self) -> None:
        """A run that has shown nothing does not pass."""
        recipe = recipes.recipes()[0]
        taken = [cookbook.Taken(recipe, reached, "off", [], [])
                 for reached in ("0", "-", "0")]
        self.assertIn("no rule", cookbook.nothing_reached(taken))
        taken[0].reached = "3"
        self.assertEqual(cookbook.nothing_reached(taken), "")
        for wish, script in (("1", False), ("abi=bet1", False), ("", False),
                             ("count-zero,abi=bet1", True), ("{}", True)):
            self.assertEqual(recipes.has_script(wish), script, wish)

    def test_wishes(self) -> None:
        device = recipes.topology("abi=bet1,count-zero").options[-1]
        self.assertIn(",abi=bet1,", device)
        self.assertIn("script={", device)
        device = recipes.topology('count-zero,{"rules": [7]}').options[-1]
        self.assertRegex(device, r"REC_CREATE.*,, 7\]")
        for wish in ("nonsense", "count-zero,nonsense", "{", "no-rme"):
            with self.assertRaises(table.TableError):
                recipes.topology(wish)


def load_tests(loader: unittest.TestLoader, tests: unittest.TestSuite,
               pattern: str | None) -> unittest.TestSuite:
    """For unittest, when this is run by hand"""
    del loader, tests, pattern
    return every_test()


if __name__ == "__main__":
    if sys.argv[1:] == ["--points"]:
        every_test().run(_Points())
        sys.exit(0)
    sys.exit(unittest.main())
