# Scenarios of the BMC: what is wrong with a file, before anything boots.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""check(path) says in sentences what ipmi-scenario.c, or the BMC, would not take.

The language is in docs/system/devices/ipmi-bmc-multi.rst. What a fault may say is
read from the schema of QMP (qapi/ipmi-bmc-multi.json): the members of IpmiFault,
their types, and in its comments which actions a member is for."""

from __future__ import annotations

import ast
import dataclasses
import difflib
import functools
import inspect
import pathlib
import re
import subprocess
from collections.abc import Callable

from . import service
from .table import HERE, KERNELS

SCHEMA = HERE.parent.parent / "qapi" / "ipmi-bmc-multi.json"
FAULT, ACTION = "IpmiFault", "IpmiFaultAction"
# Of ipmi-scenario.h
MOST_WORDS, MOST_TEXT = 64, 511
NOT_A_NUMBER = "{} is no number"


class Wrong(Exception):
    """A mistake in a line; the reason as a sentence."""


# --- the schema ---------------------------------------------------------------

@dataclasses.dataclass(frozen=True)
class Schema:
    """What there is to know of a fault."""

    actions: tuple[str, ...]
    types: dict[str, str]                   # of each member
    enums: dict[str, tuple[str, ...]]
    only: dict[str, tuple[str, ...]]        # the actions that a member is for


def _expressions(text: str) -> list[dict[str, object]]:
    """The schema's expressions are Python's, but for comments."""
    code = re.sub(r"(?m)^\s*#.*$", "", text)
    found, depth, start = [], 0, 0
    for at, c in enumerate(code):
        if c == "{":
            start = start if depth else at
            depth += 1
        elif c == "}":
            depth -= 1
            if not depth:
                found.append(ast.literal_eval(code[start:at + 1]))
    return found


def _told(text: str, name: str) -> dict[str, str]:
    """What a definition's comment says of each member."""
    block = re.search(rf"(?ms)^##\n# @{name}:\n(.*?)^##$", text)
    lines = re.sub(r"(?m)^# ?", "", block[1] if block else "")
    parts = re.split(r"(?m)^@([\w-]+):", lines)
    return {member: " ".join(about.split())
            for member, about in zip(parts[1::2], parts[2::2])}


@functools.cache
def schema(path: pathlib.Path = SCHEMA) -> Schema:
    text = path.read_text()
    enums: dict[str, tuple[str, ...]] = {}
    members: dict[str, str] = {}
    for entry in _expressions(text):
        data = entry.get("data")
        if "enum" in entry and isinstance(data, list):
            enums[str(entry["enum"])] = tuple(
                v["name"] if isinstance(v, dict) else v for v in data)
        if entry.get("struct") == FAULT and isinstance(data, dict):
            members = {str(k).lstrip("*"): v["type"] if isinstance(v, dict)
                       else str(v) for k, v in data.items()}
    told = _told(text, FAULT)
    only = {}
    for member in members:
        match = re.match(r"for ((?:@[\w-]+(?:, | and )?)+)",
                         told.get(member, ""))
        if match:
            only[member] = tuple(re.findall(r"@([\w-]+)", match[1]))
    return Schema(enums[ACTION], members, enums, only)


def _like(word: str, known: tuple[str, ...] | list[str]) -> str:
    close = difflib.get_close_matches(word, known, 1)
    return f"; did you mean '{close[0]}'?" if close else \
        ": " + ", ".join(known)


# --- words --------------------------------------------------------------------

def _byte(word: str) -> int:
    if not re.fullmatch(r"(0[xX])?[0-9a-fA-F]+", word) or int(word, 16) > 0xff:
        raise Wrong(f"'{word}' is no hexadecimal byte")
    return int(word, 16)


def _seconds(word: str, what: str) -> None:
    if not re.fullmatch(r"\d+(\.\d*)?|\.\d+", word):
        raise Wrong(f"{what}: '{word}' is no number of seconds")


def _number(word: str, what: str, most: int) -> int:
    try:
        value = int(word, 0)
    except ValueError:
        raise Wrong(f"{what}: '{word}' is no number") from None
    if not 0 <= value <= most:
        raise Wrong(f"{what}: {word} is not 0 to {most}")
    return value


def _pattern(text: str) -> None:
    """An extended regular expression of POSIX, as regcomp() has it."""
    if not text:
        raise Wrong("a pattern is wanted")
    done = subprocess.run(["grep", "-E", "-e", text], input="", text=True,
                          capture_output=True)
    if done.returncode > 1:
        reason = done.stderr.strip().partition(": ")[2] or "grep refuses it"
        raise Wrong(f"'{text}' is no extended regular expression: {reason}")


@dataclasses.dataclass
class Words:
    """A line without its verb, cut up as ipmi-scenario.h does."""

    plain: list[str] = dataclasses.field(default_factory=list)
    options: dict[str, str] = dataclasses.field(default_factory=dict)
    wanted: list[str] | None = None
    timed: bool = False

    @classmethod
    def of(cls, rest: str, options: tuple[str, ...]) -> Words:
        words, found = iter(rest.split()), cls()
        for word in words:
            name, equals, value = word.partition("=")
            if word == "->":
                if found.wanted is not None:
                    raise Wrong("'->' is there twice")
                found.wanted = []
            elif word in ("within", "after"):
                found.timed = True
                _seconds(next(words, ""), word)
            elif found.wanted is not None:
                found.wanted.append(word)
            elif equals:
                if name not in options:
                    raise Wrong(f"there is no option '{name}='" +
                                (_like(name, options) if options
                                 else " for this"))
                found.options[name] = value
            else:
                found.plain.append(word)
        if max(len(found.plain), len(found.wanted or [])) > MOST_WORDS:
            raise Wrong(f"more than {MOST_WORDS} words")
        return found

    def number(self, name: str, most: int) -> None:
        if name in self.options:
            _number(self.options[name], f"{name}=", most)

    def message(self) -> None:
        """Network function, command, data"""
        if len([_byte(w) for w in self.plain]) < 2:
            raise Wrong("a network function and a command are wanted")

    def answer(self) -> None:
        """What may stand behind "->", alternatives between |"""
        if self.wanted is None:
            return
        if self.wanted == ["nothing"] or self.wanted == ["error"]:
            return
        one: list[str] = []
        for word in [*self.wanted, "|"]:
            if word != "|":
                one.append(word)
                continue
            self._alternative(one)
            one = []

    @staticmethod
    def _alternative(words: list[str]) -> None:
        if not words:
            raise Wrong("there are no bytes behind '->' or between '|'")
        for at, word in enumerate(words):
            if word == ".." and at != len(words) - 1:
                raise Wrong("nothing can follow '..'")
            if word == "nothing" or (word == "error" and len(words) > 1):
                raise Wrong(f"'{word}' stands alone")
            if word not in ("??", "..", "error"):
                try:
                    _byte(word)
                except Wrong:
                    raise Wrong(f"'{word}' is neither a byte nor ??, .., |, "
                                "error or nothing") from None

    def no_more(self) -> None:
        if self.plain or self.options or self.wanted is not None or self.timed:
            raise Wrong("nothing can follow this word")


# --- verbs --------------------------------------------------------------------

def _fault(rest: str) -> None:
    words = rest.split()
    known = schema()
    if not words:
        raise Wrong("an action is wanted: " + ", ".join(known.actions))
    action = words[0]
    if action not in known.actions:
        raise Wrong(f"there is no action '{action}'" +
                    _like(action, known.actions))
    given = {"action": action}
    message = []
    for word in words[1:]:
        name, equals, value = word.partition("=")
        if not equals:
            message.append(_byte(word))
        elif name not in known.types or name == "action":
            raise Wrong(f"a fault has no '{name}='" + _like(
                name, [t for t in known.types if t != "action"]))
        else:
            _member(known, action, name, value)
            given[name] = value
    if len(message) > 2:
        raise Wrong("a network function and a command, and no more bytes")
    for name, byte in zip(("netfn", "cmd"), message):
        given[name] = str(byte)
    _goes_together(action, given)


def _member(known: Schema, action: str, name: str, value: str) -> None:
    """Its type, and whether this action has it"""
    only = known.only.get(name)
    if only and action not in only:
        raise Wrong(f"'{name}=' is for {' and '.join(only)}, not for {action}")
    kind = known.types[name]
    if kind in known.enums:
        if value not in known.enums[kind]:
            raise Wrong(f"{name}={value}: one of "
                        + ", ".join(known.enums[kind]))
        return
    bits = re.fullmatch(r"uint(\d+)", kind)
    if bits:
        _number(value, f"{name}=", (1 << int(bits[1])) - 1)


# What the BMC refuses besides (check_rule() of its faults), as lowest and highest.
RANGES = {"first": (1, 0xffffffff), "channel": (0, 15), "times": (1, 1000),
          "bytes": (1, 255), "netfn": (0, 0x3e)}


def _goes_together(action: str, given: dict[str, str]) -> None:
    for name, (low, high) in RANGES.items():
        value = int(given.get(name, str(low)), 0)
        if not low <= value <= high:
            raise Wrong(f"{name}: {value} is not {low} to {high}")
    if int(given.get("netfn", "0"), 0) & 1:
        raise Wrong("the network function is that of a request: even")
    if action == "delay" and "delay-ms" not in given:
        raise Wrong("delay wants delay-ms=")


def _host(rest: str) -> None:
    words = rest.split()
    if not words:
        raise Wrong("a command is wanted: " + ", ".join(service.COMMANDS))
    function = service.COMMANDS.get(words[0])
    if not function:
        raise Wrong(f"the host has no command '{words[0]}'" +
                    _like(words[0], list(service.COMMANDS)))
    try:
        inspect.signature(function).bind(None, *words[1:])
    except TypeError as error:
        raise Wrong(f"{words[0]}: {error}") from None


def _send(rest: str) -> None:
    words = Words.of(rest, ("to", "channel"))
    words.number("to", 0xff)
    words.number("channel", 15)
    words.message()
    words.answer()


def _register(rest: str) -> None:
    words = Words.of(rest, ("channels",))
    if words.wanted is not None or len([_byte(w) for w in words.plain]) != 2:
        raise Wrong("a network function and a command are wanted")
    for number in words.options.get("channels", "0").split(","):
        _number(number, "channels=", 31)


def _inject(rest: str) -> None:
    words = Words.of(rest, ("channel",))
    words.number("channel", 11)
    if words.wanted is not None or words.timed:
        raise Wrong("a message of the medium has no answer here: see sent")
    words.message()


def _received(rest: str) -> None:
    """receive and sent: what is wanted may follow at once."""
    words = Words.of(rest, ("channel",))
    words.number("channel", 11)
    if words.wanted is None:
        words.wanted = words.plain
    elif words.plain:
        raise Wrong("bytes stand behind '->', or there is none")
    if words.wanted == ["error"]:
        raise Wrong("'error' is for send")
    words.answer()


def _answer(rest: str) -> None:
    words = Words.of(rest, ())
    if words.wanted is not None or not [_byte(w) for w in words.plain]:
        raise Wrong("a completion code is wanted, and data")


def _one_number(rest: str) -> None:
    words = rest.split()
    if len(words) != 1 or not words[0].isdigit():
        raise Wrong("a number is wanted: 0 for /dev/ipmi0")


def _count(rest: str) -> None:
    words = rest.split()
    if len(words) != 1 or not words[0].isdigit():
        raise Wrong("how often the rules may have acted: a number is wanted")


def _rebind(rest: str) -> None:
    words = Words.of(rest, ())
    if words.wanted is not None or len(words.plain) > 1 or \
            not all(w.isdigit() for w in words.plain):
        raise Wrong("how many interfaces are to be there, or nothing")


def _time(rest: str) -> None:
    words = Words.of(rest, ())
    if words.wanted is not None or words.timed or len(words.plain) > 1:
        raise Wrong("a number of seconds is wanted, or nothing")
    for word in words.plain:
        _seconds(word, "time")


def _python_pattern(rest: str) -> None:
    """The harness reads it."""
    _pattern(rest)
    try:
        re.compile(rest)
    except re.error as error:
        raise Wrong(f"'{rest}' is no regular expression: {error}") from None


def _text(rest: str) -> None:
    if not rest:
        raise Wrong("a text is wanted")


def _kernels(rest: str) -> None:
    for word in rest.split() or [""]:
        if word not in KERNELS:
            raise Wrong(f"'{word}' is none of {', '.join(KERNELS)}")


def _topology(rest: str) -> None:
    words = rest.split()
    if len(words) != 1 or not any(
            (HERE / "topologies" / f"{words[0]}{s}").exists()
            for s in (".txt", ".py")):
        raise Wrong(f"there is no topologies/{rest or 'NAME'}.txt or .py")


def _nothing(rest: str) -> None:
    Words.of(rest, ()).no_more()


VERBS: dict[str, Callable[[str], None]] = {
    "acted": _count, "answer": _answer, "device": _one_number, "expect-kernel": _python_pattern,
    "fault": _fault, "heal": _nothing, "host": _host, "inject": _inject,
    "kernel": _pattern, "kernels": _kernels, "needs": _text,
    "rebind": _rebind, "receive": _received, "recover": _time,
    "register": _register, "run": _text, "scene": _text, "send": _send,
    "sent": _received, "topology": _topology, "wait": _time,
}


# --- files --------------------------------------------------------------------

def _line(text: str) -> None:
    if len(text.encode()) > MOST_TEXT:
        raise Wrong(f"the line is longer than {MOST_TEXT} bytes")
    text = text.strip(" \t")
    if not text or text[0] in "#-":
        return
    text = text.partition(" #")[0].rstrip()
    verb, _, rest = text.partition(" ")
    if "\t" in verb:
        verb, _, rest = text.partition("\t")
    if verb not in VERBS:
        raise Wrong(f"there is no verb '{verb}'" + _like(verb, list(VERBS)))
    VERBS[verb](rest.strip(" \t"))


def check(path: pathlib.Path) -> list[str]:
    """FILE:LINE: REASON for every line that cannot be taken."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no text"
        return [f"{path}:0: {reason}"]
    found = []
    for number, text in enumerate(lines, 1):
        try:
            _line(text)
        except Wrong as wrong:
            found.append(f"{path}:{number}: {wrong}")
    return found
