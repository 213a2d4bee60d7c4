# The table of guest tests, and the topologies that they name.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""Read guests.tab and topologies/*."""

from __future__ import annotations

import dataclasses
import importlib.util
import pathlib
import shlex
import sys
from types import ModuleType

HERE = pathlib.Path(__file__).resolve().parent.parent
KERNELS = ("stable", "latest")
SETS = ("boot", "check", "long", "bench")
# Files that another program of ours runs, as an interpreter does.
INTERPRETERS = {".ipmi": "ipmi-scenario"}
SCENARIO_SECONDS = 300
SCENARIO_TOPOLOGY = "ipmi-scenario"
SCENARIO_NEEDS = ("ipmi_msghandler", "ipmi_devintf", "ipmi_si", "+ipmi",
                  "+host")
# What a topology gets unless it says otherwise.
DEFAULT_OPTIONS = {
    "-M": "virt,gic-version=3",
    "-cpu": "max",
    "-smp": "2",
    "-m": "512M",
}


class TableError(Exception):
    """A mistake in guests.tab or in a topology: a sentence for its author."""


@dataclasses.dataclass(frozen=True)
class GuestTest:
    """One line of guests.tab."""

    name: str
    sets: tuple[str, ...]
    kernels: tuple[str, ...]
    topology: str
    needs: tuple[str, ...]
    seconds: int
    exercised: str
    # Of a scenario: the file. It is no line of guests.tab.
    script: pathlib.Path | None = None

    @property
    def source(self) -> pathlib.Path | None:
        """The program: NAME.c or NAME.sh; ":variant" is not part of it."""
        if self.script:
            return self.script
        base = self.name.split(":")[0]
        for suffix in (".c", ".sh"):
            path = HERE / (base + suffix)
            if path.exists():
                return path
        return None

    @property
    def shown_topology(self) -> str:
        """A scenario may be its own."""
        return "its own" if "/" in self.topology else self.topology

    @property
    def interpreter(self) -> pathlib.Path | None:
        """What runs the program, if the kernel cannot."""
        name = INTERPRETERS.get(self.script.suffix) if self.script else None
        return HERE / f"{name}.c" if name else None

    @property
    def hook(self) -> ModuleType | None:
        """The host's side of the test, NAME.py, if there is one."""
        path = HERE / (self.name.split(":")[0] + ".py")
        return load_module(path) if path.exists() else None


def load_module(path: pathlib.Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "rig_" + path.stem.replace("-", "_"), path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module     # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def _one_of(words: str, allowed: tuple[str, ...], where: str) -> tuple[str, ...]:
    chosen = tuple(words.split(","))
    for word in chosen:
        if word not in allowed:
            raise TableError(f"{where}: '{word}' is none of {', '.join(allowed)}")
    return chosen


def parse_line(line: str, where: str) -> GuestTest:
    columns = line.split(None, 6)
    if len(columns) != 7:
        raise TableError(f"{where}: 7 columns are wanted, see the file's head")
    name, sets, kernels, topology, needs, seconds, exercised = columns
    if not seconds.isdigit():
        raise TableError(f"{where}: '{seconds}' is no number of seconds")
    test = GuestTest(
        name=name,
        sets=_one_of(sets, SETS, where),
        kernels=_one_of(kernels, KERNELS, where),
        topology=topology,
        needs=() if needs == "-" else tuple(needs.split(",")),
        seconds=int(seconds),
        exercised=exercised.strip())
    if not test.source and topology != "host":
        raise TableError(f"{where}: there is no {name}.c and no {name}.sh")
    return test


def read_scenario(path: pathlib.Path) -> GuestTest:
    """A test that is one file: its first comment says what it is for, the words
    "topology", "needs" and "kernels" what it wants other than the usual. If it has QEMU's
    options itself, they are its topology."""
    if path.suffix not in INTERPRETERS:
        raise TableError(f"{path}: the name of a scenario ends in "
                         + " or ".join(INTERPRETERS))
    try:
        lines = path.read_text().splitlines()
    except OSError as error:
        raise TableError(f"{path}: {error.strerror}") from error
    words = [line.split() for line in lines if line.strip()]
    comments = [line.lstrip("# ") for line in lines if line.startswith("#")]
    topology = [w[1] for w in words if w[0] == "topology" and len(w) == 2]
    if any(w[0].startswith("-") for w in words):
        topology = [str(path)]
    needs = [n for w in words if w[0] == "needs" for n in w[1:]]
    kernels = [k for w in words if w[0] == "kernels" for k in w[1:]]
    return GuestTest(
        name=f"{INTERPRETERS[path.suffix]}:{path.stem}",
        sets=("check",),
        kernels=_one_of(",".join(kernels or KERNELS), KERNELS, str(path)),
        topology=(topology or [SCENARIO_TOPOLOGY])[0],
        needs=(*SCENARIO_NEEDS, *needs), seconds=SCENARIO_SECONDS,
        exercised=(comments or ["a scenario"])[0], script=path)


def read_table(path: pathlib.Path = HERE / "guests.tab") -> list[GuestTest]:
    tests: list[GuestTest] = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        test = parse_line(line, f"{path.name}:{number}")
        if any(test.name == other.name for other in tests):
            raise TableError(f"{path.name}:{number}: '{test.name}' is there twice")
        tests.append(test)
    return tests + [read_scenario(p)
                    for p in sorted((HERE / "scenarios").glob("*.*"))]


@dataclasses.dataclass(frozen=True)
class Device:
    """One -device of a topology, as the guest's programs get to know it."""

    ident: str
    driver: str
    parent: str
    slot: str
    props: dict[str, str]

    def row(self) -> str:
        props = " ".join(f"{k}={v}" for k, v in self.props.items())
        return f"{self.ident} {self.driver} {self.parent} {self.slot} {props}\n"


@dataclasses.dataclass(frozen=True)
class Topology:
    """QEMU options, and what a guest program may know of them."""

    name: str
    options: tuple[str, ...]
    devices: tuple[Device, ...]
    # Files for the guest's /rig besides the table of devices.
    files: dict[str, str]
    # Words for the kernel's command line.
    append: str = ""

    def arguments(self) -> list[str]:
        args = list(self.options)
        for option, value in DEFAULT_OPTIONS.items():
            if option not in args:
                args += [option, value]
        return args


def _slot(addr: str) -> str:
    """QEMU's addr ("1f", "0x3", "3.1", decimal nowhere) as sysfs has it."""
    device, _, function = addr.partition(".")
    return f"{int(device, 16):02x}.{int(function or '0', 16):x}"


def parse_device(value: str) -> Device | None:
    driver, *pairs = value.split(",")
    props = dict(pair.partition("=")[::2] for pair in pairs)
    ident = props.pop("id", "")
    if not ident:
        return None
    parent = props.pop("bus", "pcie.0")
    return Device(ident, driver, parent, _slot(props.pop("addr", "0")), props)


def parse_topology(name: str, lines: list[str],
                   files: dict[str, str] | None = None) -> Topology:
    options: list[str] = []
    devices: list[Device] = []
    append: list[str] = []
    for number, line in enumerate(lines, 1):
        words = shlex.split(line, comments=True)
        if words and not words[0].startswith("-"):
            raise TableError(f"topology {name}, line {number}: one QEMU option "
                             "a line, with its leading dash")
        # QEMU knows but one -append, and the harness has words of its own.
        if words[:1] == ["-append"]:
            append += words[1:]
            continue
        options += words
        if len(words) == 2 and words[0] == "-device":
            device = parse_device(words[1])
            if device:
                devices.append(device)
    return Topology(name, tuple(options), tuple(devices), files or {},
                    " ".join(append))


def read_topology(name: str) -> Topology:
    """topologies/NAME.txt, or what topologies/NAME.py computes; or the options
    in a scenario."""
    path = pathlib.Path(name)
    if path.suffix in INTERPRETERS:
        return parse_topology(path.stem, [
            line for line in path.read_text().splitlines()
            if line.startswith("-")])
    text = HERE / "topologies" / f"{name}.txt"
    if text.exists():
        return parse_topology(name, text.read_text().splitlines())
    program = HERE / "topologies" / f"{name}.py"
    if program.exists():
        module = load_module(program)
        return parse_topology(name, module.lines(), module.files())
    raise TableError(f"there is no topologies/{name}.txt and no "
                     f"topologies/{name}.py")
