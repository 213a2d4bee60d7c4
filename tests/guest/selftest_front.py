# The front door: inputs, options, statuses. No guest needed.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a user gives, and what ./rig says to it before anything boots."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import pathlib
import struct
import subprocess
import tempfile
import unittest
import unittest.mock

from harness import front, kconfig, kernels, session, table
from harness.image import ImageError, Modules, SetupError, replace
from harness.status import (FAILED, PASSED, SETUP, SKIPPED, STOP_BISECT,
                            UNUSABLE, USAGE)

ARM64 = b"\0" * 56 + b"ARMd" + b"\0" * 100 + b"Linux version 7.3.4 (a@b)"


class Directory(unittest.TestCase):
    def setUp(self) -> None:
        self.top = tempfile.TemporaryDirectory()
        self.addCleanup(self.top.cleanup)
        self.path = pathlib.Path(self.top.name).resolve()

    def write(self, name: str, content: bytes = b"") -> pathlib.Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def tree(self, config: str = "") -> pathlib.Path:
        for name in ("Kbuild", "MAINTAINERS", "Makefile"):
            self.write(f"linux/{name}")
        self.write("linux/.config", config.encode())
        return self.path / "linux"


class Images(Directory):
    """KERNEL=: what QEMU would only hang with is told apart at once."""

    def refused(self, content: bytes, word: str) -> None:
        with self.assertRaises(ImageError) as caught:
            kernels.find(str(self.write("k", content)))
        self.assertIn(word, str(caught.exception))
        self.assertEqual(caught.exception.status, USAGE)

    def test_good(self) -> None:
        zboot = b"MZ\0\0zimg" + b"\0" * 16 + b"gzip" + b"\0" * 100
        for content in (ARM64, gzip.compress(ARM64), zboot):
            self.assertTrue(kernels.find(str(self.write("k", content))))

    def test_bad(self) -> None:
        elf = b"\x7fELF" + b"\0" * 14
        self.refused(b"", "empty")
        self.refused(elf + struct.pack("<H", 183) + b"\0" * 9, "vmlinux")
        self.refused(elf + struct.pack("<H", 62) + b"\0" * 9, "not for arm64")
        self.refused(b"\0" * 0x202 + b"HdrS", "x86")
        self.refused(b"hello\n", "no arm64 kernel image")
        self.refused(gzip.compress(b"hello\n"), "no arm64 kernel image")
        self.refused(b"\x1f\x8bxxxxxxxxxxxxx", "cannot be unpacked")
        self.refused(b"MZ\0\0zimg" + b"\0" * 16 + b"zstd" + b"\0" * 99, "zstd")
        self.refused(b"\x27\x05\x19\x56" + b"\0" * 60, "uImage")

    def test_directories(self) -> None:
        tree = self.tree()
        with self.assertRaisesRegex(ImageError, "is not built: make ARCH=arm64"):
            kernels.find(str(tree))
        self.write("linux/arch/x86/boot/bzImage", b"x")
        with self.assertRaisesRegex(ImageError, "built for x86"):
            kernels.find(str(tree))
        image = self.write("linux/arch/arm64/boot/Image", ARM64)
        self.assertEqual(kernels.find(str(tree)), image)
        with self.assertRaisesRegex(ImageError, "neither a kernel tree"):
            kernels.find(str(self.path))

    def test_versions(self) -> None:
        for content in (ARM64, gzip.compress(ARM64)):
            self.assertEqual(kernels.version(self.write("k", content)), "7.3.4")

    def test_modules(self) -> None:
        self.write("m/lib/modules/6/a.ko", b"\0vermagic=6.12.1 SMP\0")
        modules = Modules(self.path / "m")
        kernels.check_modules(modules, "6.12.1")
        with self.assertRaisesRegex(ImageError, "of 6.12.1, the kernel is 7.3.4"):
            kernels.check_modules(modules, "7.3.4")

    def test_full_disk(self) -> None:
        """A sentence, and nothing left."""
        full = OSError(28, "No space left on device")
        with unittest.mock.patch.object(pathlib.Path, "rename", side_effect=full):
            with self.assertRaisesRegex(SetupError, "No space left") as caught:
                replace(self.path / "image", [b"x"])
        self.assertEqual(caught.exception.status, SETUP)
        self.assertEqual(list(self.path.iterdir()), [])


class Options(Directory):
    """Both forms, and what is wrong with them."""

    def test_variables(self) -> None:
        self.assertEqual(
            front.as_options(["boot", "KERNEL=a b", "T=x*", "OLD_MODULES=m", "J=3",
                              "SHELL=1", "APPEND=", "--append=X=1"]),
            ["boot", "--kernel=a b", "--only=x*", "--old-modules=m", "--jobs=3",
             "--shell", "--append=X=1"])

    def test_same(self) -> None:
        one = front.parse(["boot", "KERNEL=k", "T=x"])
        two = front.parse(["boot", "--kernel=k", "-t", "x"])
        self.assertEqual(vars(one), vars(two))

    def test_unknown(self) -> None:
        for words, near in ((["boot", "KERNL=x"], "did you mean --kernel"),
                            (["boot", "--modlues=x"], "did you mean --modules"),
                            (["check", "KERNEL=x"], "knows no --kernel"),
                            (["boot", "OLD=x"], "knows no --old")):
            with self.assertRaisesRegex(table.TableError, near):
                front.parse(words)

    def test_make_hands_through(self) -> None:
        """Every variable of the command line, spaces and quotes included."""
        done = subprocess.run(
            ["make", "-C", str(session.TOP), "-n", "-o", "build", "boot",
             "KERNL=a b", "T=it's*", "SHELL=1"], capture_output=True, text=True)
        self.assertIn("'KERNL=a b'", done.stdout)
        self.assertIn("'T=it'\\''s*'", done.stdout)
        self.assertIn("'SHELL=1'", done.stdout)


class Trees(Directory):
    """Called in a kernel tree"""

    def here(self, tree: pathlib.Path) -> tuple[str, str]:
        out = io.StringIO()
        with contextlib.chdir(tree), contextlib.redirect_stdout(out):
            return front.of_this_tree(), out.getvalue()

    def test_taken(self) -> None:
        tree = self.tree("CONFIG_PCI=y\n# CONFIG_VFIO is not set\n")
        image = self.write("linux/arch/arm64/boot/Image", ARM64)
        (tree / "drivers").mkdir()
        for place in (tree, tree / "drivers"):
            kernel, said = self.here(place)
            self.assertEqual(kernel, str(image))
            self.assertIn("7.3.4", said)
            self.assertIn("CONFIG_VFIO", said)
            self.assertNotIn("CONFIG_PCI,", said)

    def test_not_built(self) -> None:
        with self.assertRaisesRegex(ImageError, "not built"):
            self.here(self.tree())

    def test_elsewhere(self) -> None:
        self.assertEqual(self.here(self.path), ("", ""))


class Statuses(unittest.TestCase):
    """What scripts and git bisect see"""

    def rig(self, words: list[str], status: int = 0) -> int:
        with unittest.mock.patch.object(front.run, "main", return_value=status), \
                contextlib.redirect_stderr(io.StringIO()), \
                contextlib.redirect_stdout(io.StringIO()):
            return front.main(["--no-setup", *words])

    def test_statuses(self) -> None:
        for status, wanted in ((PASSED, 0), (FAILED, 1), (USAGE, 2),
                               (UNUSABLE, 3), (SETUP, 4), (SKIPPED, 1)):
            self.assertEqual(self.rig(["boot"], status), wanted)
        self.assertEqual(self.rig(["boot", "KERNL=x"]), USAGE)
        self.assertEqual(self.rig(["nonsense"]), USAGE)

    def test_bisect(self) -> None:
        """A typo is not the commit's fault."""
        for status, wanted in ((PASSED, 0), (FAILED, 1), (UNUSABLE, 125),
                               (SKIPPED, 125), (SETUP, STOP_BISECT),
                               (USAGE, STOP_BISECT)):
            self.assertEqual(self.rig(["bisect"], status), wanted)
        self.assertEqual(self.rig(["bisect", "--boot-is-bad"], UNUSABLE), 1)
        for words in (["bisect", "--kernl=x"], ["bisect", "KERNEL=/nowhere"]):
            self.assertEqual(self.rig(words), STOP_BISECT)

    def test_set_up_fails(self) -> None:
        with unittest.mock.patch.object(front, "make", return_value=2), \
                contextlib.redirect_stderr(io.StringIO()):
            self.assertEqual(front.main(["boot"]), SETUP)
            self.assertEqual(front.main(["bisect"]), STOP_BISECT)


class Patterns(unittest.TestCase):
    """make check T=: a verdict on nothing is none."""

    def test_layers(self) -> None:
        with unittest.mock.patch.object(front, "qtests", return_value=[
                "ipmi-sel-test", "arm-rmm-sro-test"]):
            both = ["qtest", "guest"]
            self.assertEqual(front.with_tests(both, ""), both)
            self.assertEqual(front.with_tests(both, "ipmi-*"), both)
            self.assertEqual(front.with_tests(both, "arm-*"), ["qtest"])
            self.assertEqual(front.with_tests(both, "pcie-enum"), ["guest"])
            with self.assertRaisesRegex(table.TableError, "did you mean ipmi-sel"):
                front.with_tests(["qtest"], "ipmi-sel-tst")
            with self.assertRaisesRegex(table.TableError, "there is"):
                front.with_tests(both, "zzz*")


class Kconfig(unittest.TestCase):
    def test_every_need_has_options(self) -> None:
        """`rig kconfig` is complete: each module of guests.tab is in it."""
        known = kconfig.read()
        for test in table.read_table():
            for need in test.needs:
                if not need.startswith("+"):
                    self.assertIn(need, known, test.name)

    def test_no_key_is_stale(self) -> None:
        tests = table.read_table()
        needs = {n for t in tests for n in t.needs}
        for key in kconfig.read():
            self.assertTrue(
                key == kconfig.BASE or key in needs
                or any(key in kconfig._patterns(t) for t in tests), key)

    def test_lacks(self) -> None:
        tests = table.read_table()
        whole = kconfig.fragment(tests)
        self.assertEqual(kconfig.lacks(whole, tests), {})
        less = whole.replace("CONFIG_VFIO_PCI=y", "# CONFIG_VFIO_PCI is not set")
        self.assertEqual(list(kconfig.lacks(less, tests)), ["VFIO_PCI"])
        self.assertIn("vfio-atomic-cap", kconfig.lacks(less, tests)["VFIO_PCI"])


class Programs(unittest.TestCase):
    def test_help(self) -> None:
        """Each verb has a text, and the statuses are told."""
        done = subprocess.run([str(session.TOP / "rig"), "--help"],
                              capture_output=True, text=True, cwd="/")
        self.assertEqual(done.returncode, 0)
        for verb in ("boot", "compare", "bisect", "kconfig", "shell", "setup"):
            self.assertIn(f"  {verb}", done.stdout)
        self.assertIn("did not boot", done.stdout)

    def test_from_anywhere(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            link = pathlib.Path(directory) / "rig"
            os.symlink(session.TOP / "rig", link)
            done = subprocess.run([str(link), "list", "selftest"], cwd="/",
                                  capture_output=True, text=True)
        self.assertIn("selftest", done.stdout)
