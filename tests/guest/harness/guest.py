# One guest: QEMU's command line, its console, its end.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""Boot a guest and follow it until it is off."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import queue
import shlex
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from .tap import Console

SCALE = float(os.environ.get("RIG_TIMEOUT_SCALE", "1"))
# From power-on to our init, and from the last program to power-off.
BOOT_SECONDS = 90
OFF_SECONDS = 30
COMMAND_LINE = ("console=ttyAMA0 printk.devkmsg=on panic=-1 oops=panic "
                "random.trust_cpu=on")

_running: set[subprocess.Popen[bytes]] = set()


def kill_all() -> None:
    """For an interrupted run: no guest outlives the harness."""
    for process in list(_running):
        process.kill()


def running(process: subprocess.Popen[bytes]) -> None:
    """A QEMU that is to end with the harness."""
    _running.add(process)


def ended(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    _running.discard(process)


@dataclasses.dataclass
class Boot:
    """What is to be booted."""

    name: str
    qemu: str
    image: pathlib.Path
    initrd: pathlib.Path | None
    arguments: list[str]
    append: str = ""
    programs: list[tuple[str, int]] = dataclasses.field(default_factory=list)
    nodefaults: bool = True
    # An interactive guest has QEMU's monitor on the same terminal.
    serial: tuple[str, ...] = ("-monitor", "none", "-serial", "stdio")

    def command(self, qmp: str | None = None) -> list[str]:
        args = [self.qemu, *(["-nodefaults"] if self.nodefaults else []),
                "-nographic", "-no-reboot", *self.serial, *self.arguments,
                "-kernel", str(self.image)]
        if self.initrd:
            args += ["-initrd", str(self.initrd)]
        args += ["-append", f"{COMMAND_LINE} {self.append}".strip()]
        if qmp:
            args += ["-qmp", f"unix:{qmp},server=on,wait=off"]
        return args


class Qmp:
    """Just enough of QMP for a host-side hook."""

    def __init__(self, path: str) -> None:
        self.events: list[dict[str, Any]] = []
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10 * SCALE)
        self.socket.connect(path)
        # For reading only: a text stream that is written to throws away what
        # it has read ahead, an event behind an answer for example.
        self.stream = self.socket.makefile("r", encoding="utf-8")
        self._answer()
        self.command("qmp_capabilities")

    def _answer(self) -> dict[str, Any]:
        """The next message that is no event."""
        while True:
            line = self.stream.readline()
            if not line:
                raise ConnectionError("QEMU closed the QMP socket")
            message: dict[str, Any] = json.loads(line)
            if "event" not in message:
                return message
            self.events.append(message)

    def take(self, name: str) -> list[dict[str, Any]]:
        """The events of this name that came before the last answer."""
        taken = [e for e in self.events if e["event"] == name]
        self.events = [e for e in self.events if e["event"] != name]
        return taken

    def command(self, name: str, **arguments: Any) -> Any:
        request = json.dumps({"execute": name, "arguments": arguments})
        self.socket.sendall(request.encode() + b"\n")
        answer = self._answer()
        if "error" in answer:
            raise RuntimeError(f"{name}: {answer['error']['desc']}")
        return answer["return"]


class Guest:
    """A running guest. A hook gets this object, in a thread of its own."""

    def __init__(self, boot: Boot, log: pathlib.Path) -> None:
        self.boot = boot
        self.log_path = log
        self.console = Console([name for name, _ in boot.programs])
        self.lines: list[str] = []
        self.changed = threading.Condition()
        self.ended = False
        self.started = 0.0
        self.seconds = 0.0
        self.up_seconds = 0.0
        self._directory = tempfile.mkdtemp(prefix="rig-guest-")
        self._process: subprocess.Popen[bytes] | None = None

    def qmp(self) -> Qmp:
        return Qmp(os.path.join(self._directory, "qmp"))

    def send(self, text: str) -> None:
        """A line for whoever reads the guest's console."""
        process = self._process
        if process and process.stdin:
            process.stdin.write(text.encode() + b"\n")
            process.stdin.flush()

    def follow(self, text: str) -> Iterator[str]:
        """Every line of the console with this text, until the guest ends."""
        position = 0
        while True:
            with self.changed:
                while position == len(self.lines):
                    if self.ended:
                        return
                    self.changed.wait()
                line = self.lines[position]
            position += 1
            if text in line:
                yield line

    def wait_line(self, text: str, seconds: float = 60) -> str:
        """Wait until the console has a line with this text; return it."""
        deadline = time.monotonic() + seconds * SCALE
        position = 0
        with self.changed:
            while True:
                for line in self.lines[position:]:
                    if text in line:
                        return line
                position = len(self.lines)
                left = deadline - time.monotonic()
                if self.ended or left <= 0:
                    raise TimeoutError(f"the console never said '{text}'")
                self.changed.wait(left)

    def run(self, hooks: list[Callable[[Guest], None]] | None = None,
            progress: Callable[[str], None] = lambda step: None) -> Console:
        command = self.boot.command(os.path.join(self._directory, "qmp"))
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        threads = [threading.Thread(target=self._hook, args=(h,), daemon=True)
                   for h in hooks or []]
        try:
            with open(self.log_path, "wb") as log:
                log.write(b"$ " + shlex.join(self.boot.command()).encode() + b"\n")
                log.flush()
                trouble = self._follow(command, log, threads, progress)
            for thread in threads:
                thread.join(10 * SCALE)
        finally:
            shutil.rmtree(self._directory, ignore_errors=True)
        self.console.close(trouble)
        return self.console

    def _hook(self, hook: Callable[[Guest], None]) -> None:
        try:
            hook(self)
        except Exception as error:  # whatever it is, it belongs in the report
            self.console.problems.append(f"on the host: {error}")

    def _follow(self, command: list[str], log: Any,
                threads: list[threading.Thread],
                progress: Callable[[str], None]) -> str:
        """Until QEMU has ended; returns what went wrong, or nothing."""
        self.started = time.monotonic()
        try:
            # Somebody on the host may want to send() something.
            process = subprocess.Popen(command, stdin=subprocess.PIPE
                                       if threads else subprocess.DEVNULL,
                                       stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT)
        except OSError as error:
            return f"{command[0]} does not start: {error.strerror}"
        _running.add(process)
        self._process = process
        lines: queue.Queue[bytes | None] = queue.Queue()
        threading.Thread(target=self._read, args=(process, lines),
                         daemon=True).start()
        for thread in threads:
            thread.start()
        try:
            hung = self._consume(lines, log, progress)
            if hung:
                process.kill()
            status = process.wait()
        finally:
            process.kill()
            _running.discard(process)
            self.seconds = time.monotonic() - self.started
            with self.changed:
                self.ended = True
                self.changed.notify_all()
        if hung:
            return hung
        if status:
            last = self.console.tail[-1] if self.console.tail else "no output"
            return f"QEMU ended with status {status}: {last}"
        return ""

    @staticmethod
    def _read(process: subprocess.Popen[bytes],
              lines: queue.Queue[bytes | None]) -> None:
        assert process.stdout
        with process.stdout:
            for line in process.stdout:
                lines.put(line)
        lines.put(None)

    def _consume(self, lines: queue.Queue[bytes | None], log: Any,
                 progress: Callable[[str], None]) -> str:
        """Read the console to its end; a sentence if a deadline passes."""
        limits = dict(self.boot.programs)
        console = self.console
        phase, deadline = "", 0.0
        while True:
            now = time.monotonic()
            # Each phase has its own time: booting, every program, going off.
            name = (console.current.name if console.current
                    else "off" if console.done
                    else f"up{sum(o.finished for o in console.outcomes.values())}")
            if name != phase:
                phase = name
                allowed = limits.get(name, OFF_SECONDS if console.done
                                     else BOOT_SECONDS) * SCALE
                deadline = now + allowed
            try:
                raw = lines.get(timeout=max(0.0, deadline - now))
            except queue.Empty:
                return (f"hung for more than {allowed:g} s in the step: "
                        f"{console.step}")
            if raw is None:
                return ""
            log.write(raw)
            log.flush()
            text = raw.decode("utf-8", "replace").rstrip("\r\n")
            was_up = bool(console.up)
            console.feed(text, time.monotonic())
            if console.up and not was_up:
                self.up_seconds = time.monotonic() - self.started
            progress(console.step)
            with self.changed:
                self.lines.append(text)
                self.changed.notify_all()
