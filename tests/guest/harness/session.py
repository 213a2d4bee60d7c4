# One run of the harness: kernels, images, guests.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""Where things are, and how guest tests become guests."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import subprocess
import threading
import time

from . import image, kernels, report, service
from .behaviours import TABLES, Behaviours
from .guest import Boot, Guest
from .image import Cpio, Modules, SetupError
from .report import Progress, Row
from .table import HERE, GuestTest, Topology, load_module, read_topology
from .tap import Outcome

TOP = HERE.parent.parent


def label(version: str) -> str:
    """6.12.117+deb13-arm64 in short, with its flavour if it is no plain one."""
    number = re.split(r"[+]|-arm64|-[0-9]", version)[0]
    flavour = re.search(r"-arm64-(.+)$|[-+](?:arm64-)?((?:16k|64k|rt)\b.*)$", version)
    return f"{number}-{flavour[1] or flavour[2]}" if flavour else number


def first_seen(version: str, set_: str) -> bool:
    """No run of this set with this kernel of Debian's was noted as good."""
    seen = load_module(TOP / "scripts" / "kernels-seen.py")
    return not seen.has(seen.read(), version,
                        "check" if set_ == "check" else "boot")


@dataclasses.dataclass
class Kernel:
    label: str
    image: pathlib.Path
    modules: Modules
    debian: bool
    spec: str = ""      # as the user gave it
    version: str = ""   # all of it, as the kernel has it


class Session:
    def __init__(self, qemu: str, append: str = "",
                 initrd: pathlib.Path | None = None,
                 trial: str = report.RIG,
                 known: Behaviours | None = None) -> None:
        # build/ may be a link to where there is no space in the path.
        self.build = (TOP / "build").resolve()
        self.qemu = qemu
        self.append = append
        self.initrd = initrd
        self.trial = trial
        self.known = known or Behaviours(sorted(TABLES.glob("*.toml")))
        self.progress = Progress(0)
        self.names: dict[str, str] = {}     # of kernels, by their labels
        self.used: list[Kernel] = []
        self.topologies: dict[str, Topology] = {}   # in the place of files
        self._lock = threading.Lock()

    # --- kernels ---

    def script(self, name: str, *args: str) -> None:
        """One of the set-up scripts; it says itself what goes on."""
        done = subprocess.run([str(TOP / "scripts" / name), *args])
        if done.returncode:
            raise SetupError(f"scripts/{name} {' '.join(args)} failed")

    def kernel(self, spec: str,
               modules: pathlib.Path | None = None) -> Kernel:
        """debian:6.12, debian:stable, debian:latest, or a path to an Image."""
        kernel = self._kernel(spec, modules)
        self.used.append(kernel)
        return kernel

    def _kernel(self, spec: str, modules: pathlib.Path | None) -> Kernel:
        if spec.startswith("debian:"):
            return self._debian(spec.removeprefix("debian:"))
        path = kernels.find(spec)
        own = Modules(modules)
        if modules and not own.files:
            raise kernels.no_modules(modules)
        version = kernels.version(path)
        kernels.check_modules(own, version)
        return Kernel("own", path, own, False, f"{spec} ({version})"
                      if version else spec, version)

    def _debian(self, spec: str) -> Kernel:
        places = self.build / "guest" / "kernels"
        self.script("guest-kernel.sh", spec)
        version = (places / f"{spec}.version").read_text().strip()
        if spec != version:
            # A name that stays, for command lines by hand
            link = places / f"{spec}.{os.getpid()}.new"
            link.unlink(missing_ok=True)
            link.symlink_to(version)
            link.replace(places / spec)
        return Kernel(label(version), places / version / "Image",
                      Modules(places / version / "modules"), True,
                      f"Debian {version}", version)

    # --- images ---

    def initramfs(self, name: str, kernel: Kernel, topology: Topology,
                  tests: list[GuestTest], shell: bool = False) -> pathlib.Path:
        """The image of one guest: user land, modules, programs, tables."""
        with self._lock, image.locked(self.build / "guest" / "lock"):
            needs = tuple(dict.fromkeys(n for t in tests for n in t.needs))
            parts = [image.userland(self.build, "base")]
            if "+ipmi" in needs:
                parts.append(image.userland(self.build, "ipmi"))
            cpio = Cpio()
            cpio.file("init", (HERE / "init").read_bytes(), 0o755)
            self._programs(cpio, tests)
            names = [m for m, _ in self._modules(cpio, kernel, needs)]
            cpio.file("rig/modules", "".join(n + "\n" for n in names).encode())
            cpio.file("rig/devices", "".join(
                d.row() for d in topology.devices).encode())
            cpio.file("rig/options", "".join(
                a + "\n" for a in topology.arguments()).encode())
            for path, text in topology.files.items():
                cpio.file(f"rig/{path}", text.encode())
            for path, content in image.module_index(kernel.version).items():
                cpio.file(path, content)
            if shell:
                cpio.file("rig/shell", b"")
                cpio.file("rig/profile", b"PS1='guest# '\n"
                          b"poweroff() { /rig/applets/poweroff -f; }\n")
            parts.append(cpio.finish())
            path = self.build / "guest" / f"initramfs-{name}.cpio"
            # Another run may be booting from the present one.
            image.replace(path, parts)
            return path

    def leave_a_shell(self, kernel: Kernel) -> None:
        """build/guest/initramfs-shell.cpio, for command lines by hand"""
        self.initramfs("shell", kernel, Topology("none", (), (), {}), [], True)

    def _programs(self, cpio: Cpio, tests: list[GuestTest]) -> None:
        cpio.file("rig/bin/run-test", image.compile_program(
            self.build, HERE / "run-test.c").read_bytes(), 0o755)
        for helper in ("tap.sh", "pcie.sh"):
            cpio.file(f"rig/{helper}", (HERE / helper).read_bytes())
        listing = ""
        for test in tests:
            source = test.source
            assert source
            if test.interpreter:
                self._script(cpio, source, test.interpreter)
                listing += f"{test.name} {source.name}\n"
                continue
            listing += f"{test.name} {source.stem}\n"
            content = (image.compile_program(self.build, source).read_bytes()
                       if source.suffix == ".c" else source.read_bytes())
            cpio.file(f"rig/bin/{source.stem}", content, 0o755)
        cpio.file("rig/tests", listing.encode())

    def _script(self, cpio: Cpio, source: pathlib.Path,
                interpreter: pathlib.Path) -> None:
        program = f"rig/bin/{interpreter.stem}"
        if program not in cpio.known:
            cpio.known.add(program)
            cpio.file(program, image.compile_program(
                self.build, interpreter).read_bytes(), 0o755)
        cpio.file(f"rig/bin/{source.name}",
                  f"#!/{program}\n".encode() + source.read_bytes(), 0o755)

    @staticmethod
    def _modules(cpio: Cpio, kernel: Kernel,
                 needs: tuple[str, ...]) -> list[tuple[str, bytes]]:
        wanted = tuple(n for n in needs if not n.startswith("+"))
        loaded = kernel.modules.closure(wanted)
        for name, content in loaded:
            cpio.file(f"rig/{name}", content)
        return loaded

    # --- guests ---

    def log(self, name: str) -> pathlib.Path:
        return self.build / "logs" / "guest" / f"{name}.log"

    def shown(self, path: pathlib.Path) -> str:
        """The path as the user knows it."""
        return "build/" + os.path.relpath(path, self.build)

    def topology(self, name: str) -> Topology:
        return self.topologies.get(name) or read_topology(name)

    def boot(self, name: str, kernel: Kernel, topology: Topology,
             tests: list[GuestTest], shell: bool = False) -> Boot:
        initrd = self.initrd or self.initramfs(name, kernel, topology, tests,
                                               shell)
        return Boot(name, self.qemu, kernel.image, initrd, topology.arguments(),
                    f"{topology.append} {self.append}".strip(),
                    [] if self.initrd else [(t.name, t.seconds) for t in tests])

    def run_guest(self, kernel: Kernel, topology: str,
                  tests: list[GuestTest]) -> list[Row]:
        """One boot; its programs one after the other."""
        devices = self.topology(topology)
        name = f"{devices.name}-{kernel.label}"
        boot = self.boot(name, kernel, devices, tests)
        guest = Guest(boot, self.log(name))
        self.progress.started(name)
        hooks = [t.hook.host for t in tests if t.hook and
                 hasattr(t.hook, "host")]
        if any("+host" in t.needs for t in tests):
            boot.host = service.Host()
            hooks.append(boot.host.serve)
        console = guest.run(hooks, lambda s: self.progress.step(name, s))
        if console.problems and tests:
            # A trouble of the guest as a whole has to fail something.
            last = console.outcomes[tests[-1].name].problems
            last += [p for p in console.problems
                     if not any(p in known for known in last)]
        rows = [self.row(kernel, t, console.outcomes[t.name], guest.log_path,
                         list(console.tail)) for t in tests]
        self.progress.ended(name, f"up after {guest.up_seconds:.1f} s, off after "
                            f"{guest.seconds:.1f} s: " + ", ".join(
                                f"{r.test} {r.result()}" for r in rows))
        return rows

    def run_host(self, kernel: Kernel, test: GuestTest) -> list[Row]:
        """A test that boots its guests itself: NAME.py's run()."""
        name = f"{test.name}-{kernel.label}"
        outcome = Outcome(test.name)
        self.progress.started(name)
        hook = test.hook
        assert hook
        started = time.monotonic()
        try:
            hook.run(self, kernel, test, outcome)
            outcome.finish("exit 0")
        except Exception as error:  # whatever it is, it belongs in the report
            outcome.problems.append(f"{type(error).__name__}: {error}")
        outcome.seconds = time.monotonic() - started
        # It tells its steps under the test's name.
        self.progress.steps.pop(test.name, None)
        self.progress.ended(name, f"{outcome.seconds:.1f} s: " +
                            ("as expected" if outcome.passed else "FAILED"))
        return [self.row(kernel, test, outcome, self.log(name), [])]

    def row(self, kernel: Kernel, test: GuestTest, outcome: Outcome,
            log: pathlib.Path, tail: list[str]) -> Row:
        self.known.judge(outcome)
        return Row(test.name, kernel.label, test.exercised, outcome,
                   self.shown(log), tail, self.trial)
