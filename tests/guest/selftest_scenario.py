# Tests of the check of scenario files (harness/scenario.py).
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""What ipmi-scenario.c or the BMC would not take is told with its line, and what
they take is not."""

from __future__ import annotations

import pathlib
import re
import tempfile
import unittest

import run
from harness import scenario
from harness.table import HERE, TableError


class Check(unittest.TestCase):
    """One line of a file each"""

    def reasons(self, *lines: str) -> list[str]:
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "own.ipmi"
            path.write_text("\n".join(lines) + "\n")
            found = scenario.check(path)
            for text in found:
                self.assertTrue(text.startswith(f"{path}:"), text)
            return [text.removeprefix(f"{path}:") for text in found]

    def wrong(self, line: str, *words: str) -> None:
        found = self.reasons("# a file", line)
        self.assertEqual(len(found), 1, f"{line}: {found}")
        self.assertTrue(found[0].startswith("2: "), found)
        for word in words:
            self.assertIn(word, found[0])

    def right(self, *lines: str) -> None:
        self.assertEqual(self.reasons(*lines), [])

    def test_files_of_ours(self) -> None:
        for path in sorted((HERE / "scenarios").glob("*.ipmi")):
            self.assertEqual(scenario.check(path), [], path.name)

    def test_page(self) -> None:
        """What the page tells to write is right, and it has every verb."""
        page = HERE.parent.parent / "docs/system/devices/ipmi-bmc-multi.rst"
        text = page.read_text()
        blocks = re.findall(r"(?m)^((?:    (?:scene|fault|run|needs|send)\b.*\n)+)",
                            text)
        self.assertGreater(len(blocks), 2)
        for block in blocks:
            self.right(*[line[4:] for line in block.splitlines()])
        for verb in scenario.VERBS:
            self.assertRegex(text, rf"``{verb}\b", verb)

    def test_verb_table(self) -> None:
        """The program has the same verbs."""
        source = (HERE / "ipmi-scenario.c").read_text()
        self.assertEqual(set(re.findall(r'\{ "([a-z-]+)", do_', source)),
                         set(scenario.VERBS))

    def test_all_are_told(self) -> None:
        self.assertEqual(len(self.reasons("scne x", "send 06", "wait", "-device x",
                                          "  # nothing", "heal now")), 3)

    def test_verbs(self) -> None:
        self.wrong("sned 06 04", "no verb 'sned'", "'send'")
        self.wrong("heal 06", "nothing can follow")
        self.wrong("device kcs", "/dev/ipmi0")
        self.wrong("wait long", "'long'")
        self.wrong("scene", "text")
        self.wrong("kernels sid", "'sid'", "stable")
        self.wrong("topology nowhere", "nowhere")
        self.wrong("rebind all", "how many")
        self.wrong("answer", "completion code")
        self.wrong("acted often", "number")
        self.wrong("x" * 600, "longer")
        self.right("device 1", "heal", "wait", "wait 0.5", "recover", "recover 7",
                   "rebind within 2", "rebind 2", "kernels stable latest",
                   "topology ipmi-both", "answer 00 77", "acted 100", "needs ipmi_watchdog",
                   "scene a # comment", "\tsend\t06 04")

    def test_faults(self) -> None:
        self.wrong("fault stuk 06 04", "no action 'stuk'", "'stuck'")
        self.wrong("fault drop 06 04 delay=5", "'delay='", "'delay-ms'")
        self.wrong("fault drop 06 04 delay-ms=5", "not for drop", "stuck")
        self.wrong("fault completion 06 04 bytes=1", "truncate")
        self.wrong("fault delay 06 04", "delay-ms=")
        self.wrong("fault drop 07", "even")
        self.wrong("fault drop 40", "netfn")
        self.wrong("fault drop 06 04 00", "no more")
        self.wrong("fault drop 6g", "'6g'")
        self.wrong("fault drop 06 first=0", "first")
        self.wrong("fault drop 06 count=many", "'many'")
        self.wrong("fault drop 06 channel=16", "channel")
        self.wrong("fault repeat 06 times=1001", "times")
        self.wrong("fault truncate 06 bytes=256", "bytes")
        self.wrong("fault completion 06 04 code=0x100", "code")
        self.wrong("fault drop 06 direction=sideways", "in, out")
        self.wrong("fault drop 06 action=drop", "action")
        self.wrong("fault", "action", "bmc-reset")
        self.right("fault drop", "fault stuck 06 04", "fault stuck delay-ms=60000",
                   "fault attention-storm 06 04 times=50 delay-ms=2",
                   "fault completion 06 34 code=0x83 count=0 first=2",
                   "fault drop 06 01 channel=0 direction=out")

    def test_schema(self) -> None:
        """The table is that of QMP: nothing of it is lost on the way."""
        known = scenario.schema()
        text = scenario.SCHEMA.read_text()
        for action in known.actions:
            self.assertIn(f"# @{action}:", text)
        self.assertIn("stuck", known.actions)
        self.assertEqual(set(known.only), {"delay-ms", "times", "bytes", "code"})
        self.assertLessEqual({a for only in known.only.values() for a in only},
                             set(known.actions))

    def test_messages(self) -> None:
        self.wrong("send 06", "network function")
        self.wrong("send 06 104", "'104'")
        self.wrong("send 06 04 -> 0 55 0x", "'0x'")
        self.wrong("send 06 04 ->", "no bytes")
        self.wrong("send 06 04 -> 00 |", "no bytes")
        self.wrong("send 06 04 -> .. 00", "'..'")
        self.wrong("send 06 04 -> nothing 00", "stands alone")
        self.wrong("send 06 04 -> 00 -> 01", "twice")
        self.wrong("send 06 04 within soon", "within")
        self.wrong("send 06 04 chanel=1", "'chanel='", "'channel'")
        self.wrong("send 06 04 to=0x182", "to=")
        self.wrong("inject channel=1 30 41 -> 00", "sent")
        self.wrong("inject channel=15 30 41", "channel=")
        self.wrong("receive channel=1 error", "send")
        self.wrong("register 30 41 02", "network function")
        self.wrong("register 30 41 channels=1,x", "'x'")
        self.right("send 06 04", "send 06 04 -> 00 ?? .. | ff | error",
                   "send to=0x82 channel=6 06 01 -> 00 .. after 4 within 8",
                   "inject channel=1 30 41 01 02", "receive nothing within 30",
                   "receive channel=1 -> 30 41 01", "receive channel=1 30 41 01",
                   "sent channel=1 07 82 c4 ba 20 ?? 41 00 77 ??",
                   "register 30 41 channels=1,6", "register 30 41")

    def test_host(self) -> None:
        self.wrong("host fly", "'fly'")
        self.wrong("host ipmi-sensor 1", "raw")
        self.right("host ipmi-sensor 1 95", "host ipmi-sent 1")

    def test_patterns(self) -> None:
        self.wrong("kernel a(b", "regular expression")
        self.wrong("kernel", "pattern")
        self.wrong("expect-kernel [", "regular expression")
        self.right("kernel ^ipmi.*(KCS|BT)", "expect-kernel soft lockup")

    def test_no_file(self) -> None:
        found = scenario.check(pathlib.Path("/nonexistent/x.ipmi"))
        self.assertEqual(len(found), 1)
        self.assertIn("x.ipmi:0: ", found[0])

    def test_nothing_boots(self) -> None:
        """All mistakes of all files are told, and no kernel is looked for."""
        with tempfile.TemporaryDirectory() as directory:
            paths = [pathlib.Path(directory) / f"{n}.ipmi" for n in "ab"]
            words = ["--qemu", "/bin/true", "--kernel", "/nonexistent"]
            for path in paths:
                path.write_text("# a file\nfault stuk 06 04\nsend 06 04\n")
                words += ["--scenario", str(path)]
            with self.assertRaises(TableError) as told:
                run.main(words)
            lines = str(told.exception).splitlines()
            self.assertEqual([line.partition(": ")[0] for line in lines],
                             [f"{path}:2" for path in paths])


if __name__ == "__main__":
    unittest.main()
