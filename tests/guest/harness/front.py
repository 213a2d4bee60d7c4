# The command line of qemu-rig: ./rig, from wherever it is called.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernels are booted, tested and compared; see `rig VERB --help`. Called in a
kernel tree, the kernel is the one of that tree."""

from __future__ import annotations

import argparse
import difflib
import fnmatch
import json
import os
import pathlib
import shlex
import subprocess
import sys

import run

from . import guest, kconfig, kernels, table
from .image import ImageError, SetupError
from .session import TOP
from .status import (FAILED, PASSED, SETUP, SKIPPED, STOP_BISECT, UNUSABLE,
                     USAGE)
from .table import TableError

EPILOG = """exit status:
  0  all passed            3  the kernel did not boot, panicked or hung
  1  something failed      4  the set-up failed (packages, network, build)
  2  wrong usage

Options may be written as make's variables as well: KERNEL=Image, T='ipmi-*'."""

# Make's name for an option, where it is not the option's in capitals
VARIABLES = {"T": "only", "J": "jobs", "V": "verbose", "Q": "quiet"}
# What make does by itself; rig has them so that one name is enough.
MADE = {
    "setup": "fetch what is needed and configure QEMU",
    "build": "build qemu-system-aarch64",
    "bench": "the benchmarks: ratios, measured in one run",
    "docs": "the documentation as HTML in build/docs",
    "fuzz": "random guests under the sanitizers (a build of its own)",
    "clean": "remove what was built",
}


class Parser(argparse.ArgumentParser):
    """Unknown options are answered with the nearest known one."""

    def error(self, message: str) -> None:      # type: ignore[override]
        raise TableError(f"{self.prog}: {message}")

    def known(self) -> list[str]:
        return [o for a in self._actions for o in a.option_strings
                if o.startswith("--")]

    def near(self, option: str) -> str:
        found = difflib.get_close_matches(option, self.known(), 1, 0.5)
        return f"; did you mean {found[0]}?" if found else \
            f"; there is {', '.join(x for x in self.known() if x != '--help')}"


def spelled(name: str) -> str:
    """KERNEL, OLD_MODULES, T: the option that it is"""
    return "--" + VARIABLES.get(name, name.lower().replace("_", "-"))


def as_options(words: list[str]) -> list[str]:
    """NAME=VALUE is --name=VALUE; an empty value is none."""
    out: list[str] = []
    for word in words:
        name, equals, value = word.partition("=")
        if equals and name.replace("_", "").isalpha() and name.isupper():
            if value and not (name == "SHELL" and value in ("0", "no")):
                out.append("--shell" if name == "SHELL" else
                           f"{spelled(name)}={value}")
        else:
            out.append(word)
    return out


def _kernel_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kernel", metavar="KERNEL", help="an arm64 Image, a built "
                        "kernel tree, or debian:stable, debian:latest, debian:7.3; "
                        "in a kernel tree: that tree")
    parser.add_argument("--modules", metavar="DIR", help="the kernel's modules, as "
                        "INSTALL_MOD_PATH wrote them")
    _guest_options(parser)


def _guest_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--append", metavar="WORDS", help="more words for the kernel's command line")
    add("--scenario", metavar="FILE", action="append", default=[],
        help="only this scenario of your own, NAME.ipmi; may be repeated")
    add("--rmm", metavar="WHAT", help="boot with arm-rmm at EL3: a recipe of its "
        "cookbook, a file with a script, properties (abi=bet1), or 1")
    _running_options(parser)


def _running_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("-t", "--only", metavar="PATTERN", action="append", default=[],
        help="only the tests whose names match, such as 'ipmi-*'")
    add("-j", "--jobs", metavar="N", type=int, help="guests at the same time "
        "(default: one a core)")
    add("-q", "--quiet", action="store_true", help="the verdict, and what failed")
    add("-v", "--verbose", action="store_true", help="every test point")


def _boot_options(parser: argparse.ArgumentParser) -> None:
    _kernel_options(parser)
    add = parser.add_argument
    add("--initrd", metavar="FILE", help="your initramfs, our devices, your console; "
        "nothing is judged")
    add("--shell", action="store_true", help="a shell in the guest instead of the "
        "tests; rig shell is the same")
    add("--topology", metavar="NAME", help="the devices for --shell and --initrd "
        "(default: pcie-tree)")


def parser() -> Parser:
    top = Parser("rig", description=__doc__, epilog=EPILOG,
                 formatter_class=argparse.RawDescriptionHelpFormatter)
    top.add_argument("--no-setup", action="store_true", help=argparse.SUPPRESS)
    verbs = top.add_subparsers(dest="verb", metavar="VERB", parser_class=Parser)

    def verb(name: str, text: str) -> Parser:
        return verbs.add_parser(name, help=text, description=text, epilog=EPILOG,
                                formatter_class=argparse.RawDescriptionHelpFormatter)

    boot = verb("boot", "boot a kernel with our devices and test it: the quick set")
    _boot_options(boot)
    shell = verb("shell", "a shell in a guest, with our devices")
    _boot_options(shell)
    test = verb("test", "only these guest tests, of whatever set")
    test.add_argument("patterns", nargs="*", metavar="PATTERN")
    _kernel_options(test)
    listing = verb("list", "name tests, scenarios, topologies and recipes")
    listing.add_argument("patterns", nargs="*", metavar="PATTERN")
    listing.add_argument("-t", "--only", metavar="PATTERN", action="append",
                         default=[])
    both = verb("compare", "the same tests on two kernels: what differs")
    both.add_argument("kernels", nargs="*", metavar="KERNEL", help="the old one and "
                      "the new one; in a kernel tree the new one is that tree")
    for name in ("old", "new"):
        both.add_argument(f"--{name}", metavar="KERNEL")
        both.add_argument(f"--{name}-modules", metavar="DIR", default="")
    _guest_options(both)
    check = verb("check", "every test; ends with N passed, N failed")
    check.add_argument("layers", nargs="*", metavar="LAYER",
                       help="qtest, guest, long (default: qtest and guest)")
    check.add_argument("-t", "--only", metavar="PATTERN", default="",
                       help="only the tests whose names match")
    cook = verb("recipes", "a kernel against each recipe of arm-rmm's cookbook")
    _boot_options(cook)
    bisect = verb("bisect", "for git bisect run: 0 good, 1 bad, 125 cannot be "
                  "tested, 129 stop")
    _kernel_options(bisect)
    bisect.add_argument("--boot-is-bad", action="store_true", help="a kernel that "
                        "does not boot, panics or hangs is bad and not untestable")
    options = verb("kconfig", "the options that a kernel needs for all tests")
    options.add_argument("config", nargs="?", metavar="TREE", help="a .config, or a "
                         "tree with one: only what it lacks; status 1 if it does")
    for name, text in MADE.items():
        verbs.add_parser(name, help=text, description=text)
    return top


def parse(words: list[str]) -> argparse.Namespace:
    top = parser()
    args, rest = top.parse_known_args(as_options(words))
    if not args.verb:
        top.print_help()
        raise SystemExit(0)
    if rest:
        verb = next(a for a in top._actions     # no other way to it
                    if isinstance(a, argparse._SubParsersAction))
        mine = verb.choices[args.verb]
        bad = rest[0].partition("=")[0]
        raise TableError(f"rig {args.verb} knows no {bad}{mine.near(bad)}")
    return args


# --- kernels ------------------------------------------------------------------

def of_this_tree() -> str:
    """The kernel of the tree that the caller stands in"""
    here = pathlib.Path.cwd()
    tree = None if here.is_relative_to(TOP) else kernels.tree_around(here)
    if not tree:
        return ""
    image = kernels.find(str(tree))
    print(f"rig: the kernel is {image}"
          + (f" ({kernels.version(image)})" if kernels.version(image) else ""))
    tell_config(tree)
    return str(image)


def tell_config(tree: pathlib.Path) -> None:
    """Options whose lack leaves tests out"""
    path = tree / ".config"
    if not path.is_file():
        return
    missing = kconfig.lacks(path.read_text(errors="replace"), table.read_table())
    if missing:
        tests = sorted({t.split(":")[0] for names in missing.values()
                        for t in names})
        print(f"rig: its .config lacks {', '.join('CONFIG_' + o for o in missing)}; "
              f"`rig kconfig` prints all that is needed. Tests that miss one: "
              f"{', '.join(tests)}")


def looked_at(kernel: str) -> str:
    """Before anything is fetched or built"""
    if not kernel.startswith("debian:"):
        kernels.find(kernel)
    return kernel


def kernel_words(args: argparse.Namespace) -> list[str]:
    kernel = looked_at(args.kernel) if args.kernel else of_this_tree()
    words = [f"--kernel={kernel}"] if kernel else []
    if args.modules:
        if not kernel:
            raise TableError("modules without a kernel: KERNEL= is missing")
        words.append(f"--modules={args.modules}")
    return words


def guest_words(args: argparse.Namespace) -> list[str]:
    words = [f"--append={args.append}"] if args.append else []
    words += [f"--scenario={s}" for s in args.scenario]
    words += [f"--rmm={args.rmm}"] if args.rmm else []
    words += [f"--only={p}" for p in args.only]
    words += [f"--jobs={args.jobs}"] if args.jobs else []
    words += ["--quiet"] if args.quiet else []
    return words + (["--verbose"] if args.verbose else [])


# --- verbs --------------------------------------------------------------------

def make(*targets: str, **variables: str) -> int:
    """A make of its own, whatever the caller's make has set."""
    environment = {k: v for k, v in os.environ.items()
                   if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES")}
    return subprocess.run(["make", "-C", str(TOP), *targets,
                           *(f"{k}={v}" for k, v in variables.items() if v)],
                          env=environment).returncode


def need_build(args: argparse.Namespace) -> None:
    if not args.no_setup and make("--silent", "build"):
        raise SetupError("the set-up or the build failed, see above")


def do_boot(args: argparse.Namespace) -> int:
    words = kernel_words(args) + guest_words(args)
    words += [f"--initrd={args.initrd}"] if args.initrd else []
    words += [f"--topology={args.topology}"] if args.topology else []
    if args.topology and not (args.shell or args.initrd):
        raise TableError("--topology goes with --shell or --initrd; a test has its "
                         "own devices")
    if args.shell:
        words.append("--shell")
    need_build(args)
    return run.main(["--set=boot", *words])


def do_shell(args: argparse.Namespace) -> int:
    args.shell = True
    return do_boot(args)


def do_test(args: argparse.Namespace) -> int:
    args.only = [*args.only, *args.patterns]
    if not args.only and not args.scenario:
        raise TableError("rig test PATTERN...: which? `rig list` names them")
    words = kernel_words(args) + guest_words(args)
    need_build(args)
    return run.main(["--set=check", *words])


def do_list(args: argparse.Namespace) -> int:
    return run.show_list(args.patterns + args.only)


def do_compare(args: argparse.Namespace) -> int:
    given = [k for k in (args.old, args.new) if k] + args.kernels
    if len(given) == 1:
        here = of_this_tree()
        given += [here] if here else []
    if len(given) != 2:
        raise TableError("rig compare OLD NEW: two kernels are wanted, or the old "
                         "one where you stand in the tree of the new one")
    words = [f"--kernel={looked_at(k)}" for k in given]
    words += [f"--modules={m}" for m in (args.old_modules, args.new_modules)]
    need_build(args)
    return run.main(["--set=boot", "--compare", *words, *guest_words(args)])


def qtests() -> list[str]:
    """As meson names them"""
    path = TOP / "build" / "qemu" / "meson-info" / "intro-tests.json"
    try:
        names = [t["name"] for t in json.loads(path.read_text())]
    except (OSError, ValueError, KeyError) as error:
        raise SetupError(f"{path} cannot be read: {error}") from error
    return [n.rpartition("/")[2] for n in names if "qtest-rig/" in n]


def with_tests(layers: list[str], pattern: str) -> list[str]:
    """Those of the layers in which something matches"""
    if not pattern:
        return layers
    names = {"qtest": qtests(), "long": [],
             "guest": [t.name for t in table.read_table()]}
    found = [x for x in layers if fnmatch.filter(names[x], pattern)]
    if not found:
        every = [n for x in layers for n in names[x]]
        near = difflib.get_close_matches(pattern, every, 3)
        raise TableError(f"no test matches '{pattern}'; " + (
            f"did you mean {' or '.join(near)}?" if near else
            f"there is {', '.join(every)}"))
    return found


def do_check(args: argparse.Namespace) -> int:
    layers = args.layers or ["qtest", "guest"]
    for layer in layers:
        if layer not in ("qtest", "guest", "long"):
            raise TableError(f"rig check {layer}: qtest, guest or long")
    need_build(args)
    return subprocess.run([str(TOP / "scripts" / "check.sh"),
                           *with_tests(layers, args.only)],
                          env={**os.environ, "T": args.only}).returncode


def do_recipes(args: argparse.Namespace) -> int:
    words = kernel_words(args) + guest_words(args)
    words += [f"--initrd={args.initrd}"] if args.initrd else []
    need_build(args)
    return run.main(["--recipes", *words])


def do_bisect(args: argparse.Namespace) -> int:
    words = kernel_words(args) + guest_words(args)
    need_build(args)
    return run.main(["--set=boot", *words])


def for_bisect(status: int, boot_is_bad: bool) -> int:
    """What git bisect run wants to know: 125 is "cannot be tested", and it stops
    at 128 and above. A typo is no commit's fault."""
    return {PASSED: 0, FAILED: 1, SKIPPED: 125,
            UNUSABLE: 1 if boot_is_bad else 125}.get(status, STOP_BISECT)


def do_kconfig(args: argparse.Namespace) -> int:
    tests = table.read_table()
    if not args.config:
        print(kconfig.fragment(tests), end="")
        return 0
    path = pathlib.Path(args.config)
    path = path / ".config" if path.is_dir() else path
    try:
        missing = kconfig.lacks(path.read_text(errors="replace"), tests)
    except OSError as error:
        raise TableError(f"{path}: {error.strerror}") from error
    for option, names in missing.items():
        print(f"CONFIG_{option} is not set: {', '.join(names)}")
    return FAILED if missing else 0


def do_made(args: argparse.Namespace) -> int:
    status = make(args.verb)
    return SETUP if status and args.verb in ("setup", "build") else min(status, 1)


def complain(error: Exception) -> None:
    print(f"rig: error: {error}", file=sys.stderr)


def perform(words: list[str]) -> int:
    """A status of status.py, SKIPPED included"""
    try:
        args = parse(words)
        verb = globals().get(f"do_{args.verb}", do_made)
        return int(verb(args))
    except (ImageError, TableError) as error:
        complain(error)
        return error.status if isinstance(error, ImageError) else USAGE
    except OSError as error:
        complain(error)
        return SETUP


def main(words: list[str]) -> int:
    try:
        status = perform(words)
    except KeyboardInterrupt:
        guest.kill_all()
        print("\nrig: interrupted", file=sys.stderr)
        return 130
    if "bisect" in words[:2]:
        return for_bisect(status, "--boot-is-bad" in words)
    return FAILED if status == SKIPPED else status
