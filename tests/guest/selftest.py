#!/usr/bin/env python3
# The harness must not pass what did not pass: its own tests, no guest needed.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""Feed consoles to the judge and look at the verdict."""

from __future__ import annotations

import os
import pathlib
import socket
import sys
import tempfile
import threading
import unittest
from typing import cast

sys.dont_write_bytecode = True

from harness import compare, cookbook, recipes      # noqa: E402
from harness import report, service, table          # noqa: E402
from harness.guest import Boot, Guest, Qmp          # noqa: E402
from harness.image import Cpio, Modules             # noqa: E402
from harness.report import Row                      # noqa: E402
from harness.tap import Console, Outcome, Point                     # noqa: E402

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
        self.assertEqual(console.outcomes["t"].counts(), (2, 0))

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

    def test_skip(self) -> None:
        console = judge(GOOD[:2] + ["1..0 # SKIP kernel has no vfio-pci",
                                    "end t exit 0", "done"])
        outcome = console.outcomes["t"]
        self.assertEqual(outcome.skipped, "kernel has no vfio-pci")
        for may_skip, bad in ((True, 0), (False, 1)):
            row = Row("t", "k", "", outcome, "", [], may_skip)
            self.assertEqual(row.counts(), (0, bad))


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
        return [Row("t", kernel, "", Outcome("t", points), "", [], True)
                for kernel, points in ((compare.OLD, old), (compare.NEW, new))]

    def told(self, old: list[Point],
             new: list[Point]) -> list[compare.Difference]:
        return compare.differences(self.rows(old, new))

    def test_same(self) -> None:
        """Times in a description differ each time."""
        old = [Point(1, True, "row 1"), Point(2, True, "up after 1.5 s")]
        new = [Point(1, True, "row 1"), Point(2, True, "up after 22 s")]
        self.assertEqual(self.told(old, new), [])

    def test_worse_and_better(self) -> None:
        old = [Point(1, True, "row 1"), Point(2, False, "row 2")]
        new = [Point(1, False, "row 1", details=["got 3"]),
               Point(2, True, "row 2")]
        first, second = self.told(old, new)
        self.assertEqual((first.what, first.old, first.new, first.worse),
                         ("row 1", "ok", "not ok; got 3", True))
        self.assertEqual((second.old, second.new, second.worse),
                         ("not ok", "ok", False))

    def test_only_one_has_it(self) -> None:
        """A point that a number shares is not taken for another one's."""
        old = [Point(1, True, "row 1"), Point(2, True, "row 2")]
        new = [Point(1, True, "row 2"), Point(2, False, "other")]
        self.assertEqual([(d.what, d.old, d.new, d.worse)
                          for d in self.told(old, new)],
                         [("row 1", "ok", "-", False),
                          ("other", "-", "not ok", True)])

    def test_crash(self) -> None:
        rows = self.rows([Point(1, True, "a")], [Point(1, True, "a")])
        rows[1].outcome.problems.append("the kernel said: Oops")
        self.assertTrue(compare.differences(rows)[0].worse)
        self.assertIn("1 for the worse", compare.text(
            rows, {compare.OLD: "a", compare.NEW: "b"}))


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


class _Points(unittest.TestResult):
    """unittest's results as test points of a guest test."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome

    def stopTest(self, test: unittest.TestCase) -> None:
        bad = [text for failed, text in self.failures + self.errors
               if failed is test]
        self.outcome.points.append(Point(
            len(self.outcome.points) + 1, not bad, test.id().split(".", 1)[1],
            details=[line for text in bad for line in text.splitlines()]))
        super().stopTest(test)


def run(session: object, kernel: object, test: object, outcome: Outcome) -> None:
    """As a line of guests.tab: no guest, the host's side alone."""
    del session, kernel, test
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__])
    suite.run(_Points(outcome))
    outcome.plan = len(outcome.points)
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

    def test_wishes(self) -> None:
        device = recipes.topology("abi=bet1,count-zero").options[-1]
        self.assertIn(",abi=bet1,", device)
        self.assertIn("script={", device)
        device = recipes.topology('count-zero,{"rules": [7]}').options[-1]
        self.assertRegex(device, r"REC_CREATE.*,, 7\]")
        for wish in ("nonsense", "count-zero,nonsense", "{", "no-rme"):
            with self.assertRaises(table.TableError):
                recipes.topology(wish)


if __name__ == "__main__":
    sys.exit(unittest.main())
