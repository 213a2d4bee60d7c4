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

from .patience import Patience
from .service import Host
from .table import TableError
from .tap import Console

# Limits say "the guest is dead", and decide nothing else. They are in seconds in
# which the guest had a CPU of the host (Patience), on a host and with a kernel
# that boot in NOMINAL_SECONDS; a boot that takes longer stretches them.
NOMINAL_SECONDS = 8
# From power-on to our init, as long as the kernel says something now and then;
# and from the last program to power-off.
BOOT_SECONDS = 600
SILENT_SECONDS = 90
OFF_SECONDS = 60
# A kernel that said it is lost is not waited for.
LOST_SECONDS = 15
# No guest of ours needs more; one that does has to end before the host does.
MEMORY_MIB = 6 * 1024
COMMAND_LINE = ("console=ttyAMA0 printk.devkmsg=on panic=-1 oops=panic "
                "random.trust_cpu=on")



def scale() -> float:
    """RIG_TIMEOUT_SCALE, for who knows that a limit is too short."""
    text = os.environ.get("RIG_TIMEOUT_SCALE", "1")
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e6:
        raise TableError(f"RIG_TIMEOUT_SCALE={text}: a number above 0 is wanted")
    return value


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
    # Who answers the guest's questions, if it has any
    host: Host | None = None

    def command(self, qmp: str | None = None) -> list[str]:
        args = [self.qemu, *(["-nodefaults"] if self.nodefaults else []),
                "-nographic", "-no-reboot", *self.serial, *self.arguments,
                "-kernel", str(self.image)]
        if self.initrd:
            args += ["-initrd", str(self.initrd)]
        args += ["-append", f"{COMMAND_LINE} {self.append}".strip()]
        if self.host:
            args += self.host.options() if qmp else self.host.by_hand()
        if qmp:
            args += ["-qmp", f"unix:{qmp},server=on,wait=off"]
        return args


class Qmp:
    """Just enough of QMP for a host-side hook."""

    def __init__(self, path: str) -> None:
        self.events: list[dict[str, Any]] = []
        self.socket = socket.socket(socket.AF_UNIX)
        # Without a limit: a QEMU that does not answer is ended by the harness.
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

    def wait_line(self, text: str) -> str:
        """Wait until the console has a line with this text; return it. The
        guest's own limits end a wait that is in vain."""
        for line in self.follow(text):
            return line
        raise TimeoutError(f"the console never said '{text}'")

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
                thread.join(60)
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
            trouble = self._consume(process, lines, log, progress)
            if trouble:
                process.kill()
            status = process.wait()
        finally:
            process.kill()
            _running.discard(process)
            self.seconds = time.monotonic() - self.started
            with self.changed:
                self.ended = True
                self.changed.notify_all()
        if trouble:
            return trouble
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

    def _consume(self, process: subprocess.Popen[bytes],
                 lines: queue.Queue[bytes | None], log: Any,
                 progress: Callable[[str], None]) -> str:
        """Read the console to its end; a sentence if a limit is reached."""
        limits = Limits(process.pid, dict(self.boot.programs), self.console)
        while True:
            try:
                raw = lines.get(timeout=1)
            except queue.Empty:
                raw = b""
            if raw is None:
                return ""
            if raw:
                log.write(raw)
                log.flush()
                self._line(raw.decode("utf-8", "replace").rstrip("\r\n"))
                limits.heard()
            progress(self.console.step)
            trouble = limits.check()
            if trouble:
                return trouble

    def _line(self, text: str) -> None:
        was_up = bool(self.console.up)
        self.console.feed(text, time.monotonic())
        if self.console.up and not was_up:
            self.up_seconds = time.monotonic() - self.started
        with self.changed:
            self.lines.append(text)
            self.changed.notify_all()


def too_large(pid: int) -> str:
    try:
        text = pathlib.Path(f"/proc/{pid}/statm").read_text()
    except OSError:
        return ""
    mib = int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20
    return f"QEMU grew to {mib} MiB and was stopped" if mib > MEMORY_MIB else ""


class Limits:
    """When a guest is taken for dead. Each phase has its own time: booting,
    every program, going off."""

    def __init__(self, pid: int, programs: dict[str, int],
                 console: Console) -> None:
        self.pid = pid
        self.patience = Patience(pid)
        self.programs = programs
        self.console = console
        self.phase = ""
        self.begun = 0.0            # of the phase
        self.last = 0.0             # of the console
        self.lost: float | None = None
        self.stretch = 1.0          # what the boot took, against the usual
        self.scale = scale()
        self.time = self.read = 0.0

    def now(self) -> float:
        """A line of the console is not worth a look at every thread."""
        if time.monotonic() - self.read > 0.5:
            self.time, self.read = self.patience.elapsed(), time.monotonic()
        return self.time

    def heard(self) -> None:
        self.last = self.now()

    def _phase(self) -> str:
        console = self.console
        return (console.current.name if console.current else
                "off" if console.done else
                "boot" if not console.up else
                f"up{sum(o.finished for o in console.outcomes.values())}")

    def _allowed(self) -> float:
        return (self.programs.get(self.phase, OFF_SECONDS) * self.stretch
                if self.phase != "boot" else BOOT_SECONDS) * self.scale

    def check(self) -> str:
        fresh = self.read
        now = self.now()
        large = too_large(self.pid) if fresh != self.read else ""
        if large:
            return large
        phase = self._phase()
        if phase != self.phase:
            if self.phase == "boot":
                self.stretch = max(1.0, now / NOMINAL_SECONDS)
            self.phase, self.begun = phase, now
        if self.console.fatal and self.lost is None:
            self.lost = now
        step = self.console.step
        if self.lost is not None and \
                now - self.lost > LOST_SECONDS * self.stretch * self.scale:
            return f"was not waited for, in the step: {step}"
        if now - self.begun > self._allowed():
            return f"hung for more than {self._allowed():.0f} s in the step: {step}"
        silent = SILENT_SECONDS * self.scale
        if phase == "boot" and now - max(self.last, self.begun) > silent:
            return (f"the kernel said nothing for {silent:.0f} s" if self.last
                    else f"the kernel said nothing at all in {silent:.0f} s: "
                    "is it one for arm64, with console=ttyAMA0 (PL011) and "
                    "devtmpfs?")
        return ""


def run_to_end(command: list[str], seconds: float,
               text: str = "") -> tuple[str, int | None]:
    """A QEMU that reads @text and ends by itself: what it said, and its status;
    None if it had to be ended after @seconds in which it had a CPU."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    running(process)
    said: list[bytes] = []

    def talk() -> None:
        said.append(process.communicate(text.encode())[0])

    thread = threading.Thread(target=talk, daemon=True)
    thread.start()
    patience = Patience(process.pid)
    trouble = ""
    try:
        while thread.is_alive() and not trouble:
            thread.join(1)
            trouble = too_large(process.pid)
            if patience.elapsed() > seconds * scale():
                trouble = f"no end after {seconds * scale():.0f} s"
        if trouble:
            # arm-rmm's report still comes.
            process.terminate()
            thread.join(10)
    finally:
        ended(process)
        thread.join()
        status = process.wait()
    output = b"".join(said).decode(errors="replace")
    return (output + f"\n# {trouble}\n" if trouble else output,
            None if trouble else status)
