#!/usr/bin/env python3
# Boot unmodified kernels on our QEMU and judge what the guests say.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest tests of qemu-rig; see docs/guest-tests.rst."""

from __future__ import annotations

import argparse
import concurrent.futures
import dataclasses
import difflib
import fnmatch
import os
import pathlib
import sys
import textwrap
import time
from collections.abc import Callable

# A test run leaves nothing behind in the checkout.
sys.dont_write_bytecode = True

from harness import behaviours, compare, cookbook   # noqa: E402
from harness import guest, recipes                  # noqa: E402
from harness import report, scenario, status, table         # noqa: E402
from harness.image import ImageError, SetupError    # noqa: E402
from harness.report import Progress, Row            # noqa: E402
from harness.session import TOP, Kernel, Session, first_seen  # noqa: E402
from harness.table import GuestTest, TableError     # noqa: E402

Job = Callable[[], list[Row]]


def arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--set", default="check", choices=table.SETS,
        help="boot: the few of 'make boot', on the stable kernel; check "
        "(default): all, each on its kernels; long: what takes minutes")
    add("--only", action="append", default=[], metavar="NAME",
        help="only this guest test, or those that a pattern such as 'ipmi-*' "
        "matches; may be repeated")
    add("--scenario", action="append", default=[], type=pathlib.Path,
        metavar="FILE", help="only this scenario of your own, NAME.ipmi; may be "
        "repeated")
    add("--kernel", action="append", default=[], metavar="KERNEL",
        help="debian:6.12, debian:latest, or the path of an arm64 Image")
    add("--modules", action="append", default=[],
        metavar="DIR", help="the modules of an own kernel (INSTALL_MOD_PATH or "
        "lib/modules/V); the second one belongs to the second --kernel, and an "
        "empty one says that it has none")
    add("--compare", action="store_true", help="of two kernels, the old and the "
        "new one, print only the test points on which they differ")
    add("--append", default="", help="words for the kernel's command line")
    add("--initrd", type=pathlib.Path, metavar="FILE",
        help="boot this instead of our user land; no guest program runs then")
    add("--shell", action="store_true",
        help="an interactive shell in the guest instead of the tests")
    add("--topology", default="pcie-tree",
        help="the devices for --shell and --initrd (default: pcie-tree)")
    add("--rmm", default="", metavar="WHAT",
        help="boot with arm-rmm: a recipe of its cookbook, a file with a script, "
        "JSON, properties (abi=bet1), or 1")
    add("--recipes", action="store_true",
        help="one boot with each recipe of arm-rmm's cookbook that --only names "
        "(a pattern), properties of --rmm for all of them")
    add("--qemu", default=str(TOP / "build" / "qemu-system-aarch64"))
    add("--jobs", type=int, default=os.cpu_count() or 1,
        help="guests at the same time (default: one a core)")
    add("--hide", action="append", default=[], metavar="NAME",
        help="do not recognise this known behaviour, or those that a pattern "
        "matches: what would a kernel look like that no table has seen?")
    add("--list", action="store_true", help="list the guest tests")
    add("--quiet", action="store_true", help="the verdict, and what failed or is "
        "new")
    add("--verbose", action="store_true", help="every test point")
    return parser.parse_args(words)


def choose(args: argparse.Namespace) -> list[GuestTest]:
    if args.scenario:
        return [table.read_scenario(path) for path in args.scenario]
    tests = table.read_table()
    if args.recipes:
        return []
    if args.rmm:
        return [t for t in tests if t.topology == "rmm"]
    if args.only:
        for pattern in args.only:
            if not any(fnmatch.fnmatch(t.name, pattern) for t in tests):
                near = difflib.get_close_matches(pattern, [t.name for t in tests])
                raise TableError(
                    f"no guest test matches '{pattern}'; "
                    + (f"did you mean {' or '.join(near)}?" if near else
                       f"there is {', '.join(t.name for t in tests)}"))
        return [t for t in tests
                if any(fnmatch.fnmatch(t.name, p) for p in args.only)]
    # What "make boot" shows is also part of the complete check.
    sets = {"check": {"boot", "check"}}.get(args.set, {args.set})
    return [t for t in tests if sets.intersection(t.sets)]


def show_list(patterns: list[str]) -> int:
    """Tests with their devices; recipes by their names alone."""
    def wanted(name: str) -> bool:
        return not patterns or any(fnmatch.fnmatch(name, p) for p in patterns)

    tests = [t for t in table.read_table() if wanted(t.name)]
    for test in tests:
        print(f"{test.name:29} {','.join(test.sets):12} "
              f"{','.join(test.kernels):14} {test.shown_topology:18} "
              f"{test.exercised}")
    names = [r.name for r in recipes.recipes() if wanted(r.name)]
    if names:
        print("\n" + textwrap.fill(
            f"recipes for RMM=: {', '.join(names)}", 79, break_on_hyphens=False))
    if not tests and not names:
        raise TableError(f"nothing matches {' '.join(patterns)}")
    return status.PASSED


def wanted_kernels(args: argparse.Namespace, test: GuestTest) -> list[str]:
    if args.kernel:
        return list(args.kernel)
    if args.set == "boot":
        return ["debian:stable"]
    return [f"debian:{k}" for k in test.kernels]


def modules_of(args: argparse.Namespace, number: int) -> pathlib.Path | None:
    """Of the kernel with this number: its own, never those of another one."""
    text = args.modules[number] if number < len(args.modules) else ""
    return pathlib.Path(text) if text else None


def own_kernels(args: argparse.Namespace,
                session: Session) -> dict[str, Kernel]:
    """Those of the command line, each with its modules and a label of its
    own, which names the logs."""
    kernels: dict[str, Kernel] = {}
    for number, spec in enumerate(args.kernel):
        kernel = session.kernel(spec, modules_of(args, number))
        if args.compare:
            kernel.label = (compare.OLD, compare.NEW)[number]
        elif any(kernel.label == other.label for other in kernels.values()):
            kernel.label += f"-{number + 1}"
        session.names[kernel.label] = kernel.spec
        kernels[spec] = kernel
    return kernels


def make_jobs(args: argparse.Namespace, session: Session,
              tests: list[GuestTest]) -> list[Job]:
    """Tests on the same kernel with the same devices share one boot."""
    kernels = own_kernels(args, session)
    shared: dict[tuple[str, str], list[GuestTest]] = {}
    jobs: list[tuple[int, Job]] = []
    for test in tests:
        for spec in wanted_kernels(args, test):
            if spec not in kernels:
                kernels[spec] = session.kernel(spec)
            if test.topology == "host":
                jobs.append((10 * test.seconds, lambda k=kernels[spec], t=test:
                             session.run_host(k, t)))
            else:
                shared.setdefault((spec, test.topology), []).append(test)
    for (spec, topology), group in shared.items():
        jobs.append((sum(t.seconds for t in group),
                     lambda k=kernels[spec], d=topology, g=group:
                     session.run_guest(k, d, g)))
    # The longest first, so that none is left alone at the end.
    return [job for _, job in sorted(jobs, key=lambda j: -j[0])]


def run_jobs(jobs: list[Job], workers: int, progress: Progress) -> list[Row]:
    rows: list[Row] = []
    with concurrent.futures.ThreadPoolExecutor(max(1, workers)) as pool:
        try:
            waiting = {pool.submit(job) for job in jobs}
            while waiting:
                done, waiting = concurrent.futures.wait(
                    waiting, 1, concurrent.futures.FIRST_COMPLETED)
                for future in done:
                    rows += future.result()
                progress.beat()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            guest.kill_all()
            raise
    return rows


def sort(rows: list[Row]) -> None:
    """As the table has them; a scenario of the user's own comes last."""
    order = {t.name: i for i, t in enumerate(table.read_table())}
    rows.sort(key=lambda r: (order.get(r.test, len(order)),
                             r.kernel == compare.NEW, r.kernel))


def kernels_used(session: Session, rows: list[Row], set_: str) -> str:
    """Which they were, and whether anybody has seen all pass on them."""
    out = []
    for kernel in session.used:
        if any(r.kernel == kernel.label for r in rows):
            new = kernel.debian and first_seen(kernel.version, set_)
            out.append(kernel.spec + (", first seen" if new else ""))
    return "kernels: " + "; ".join(out)


def show_rows(session: Session, rows: list[Row],
              args: argparse.Namespace) -> None:
    if args.verbose:
        print("\n" + report.every_point(rows))
    if not args.quiet:
        print("\n" + report.table(rows))
    for text in ("" if args.quiet else report.behaviours(rows, session.known),
                 report.news(rows), report.failures(rows)):
        if text:
            print("\n" + text)


def verdict(rows: list[Row]) -> int:
    good = sum(r.counts()[0] for r in rows)
    bad = sum(r.counts()[1] for r in rows)
    if bad:
        return status.UNUSABLE if any(r.outcome.died for r in rows) \
            else status.FAILED
    return status.PASSED if good else status.SKIPPED


def conclude(args: argparse.Namespace, session: Session, rows: list[Row],
             seconds: float) -> int:
    sort(rows)
    report.settle(rows)
    result = session.build / "results" / "guest.xml"
    report.junit(rows, result)
    show_rows(session, rows, args)
    skipped = sum(len(r.skips()) for r in rows)
    good = sum(r.counts()[0] for r in rows)
    bad = sum(r.counts()[1] for r in rows)
    print(f"\n{len(rows)} guest tests in {seconds:.0f} s"
          + (f", {skipped} skipped" if skipped else "")
          + f"; logs: build/logs/guest/, JUnit: {session.shown(result)}")
    print(kernels_used(session, rows, args.set))
    print(report.tally(rows))
    if verdict(rows) == status.SKIPPED:
        print("every test was skipped: the kernel lacks what they need, or its "
              "modules were not given (MODULES=); `./rig kconfig` prints the "
              "options")
    print(f"{good} passed, {bad} failed")
    return verdict(rows)


def conclude_comparison(session: Session, rows: list[Row]) -> int:
    """What is worse on the new kernel is what counts."""
    sort(rows)
    result = session.build / "results" / "guest.xml"
    report.junit(rows, result)
    print("\n" + compare.text(rows, session.names))
    print(f"logs: build/logs/guest/*-old.log and *-new.log, JUnit: "
          f"{session.shown(result)}")
    return status.FAILED if compare.worse(rows) else status.PASSED


def show_rmm(session: Session, rows: list[Row], wish: str) -> int:
    """What arm-rmm found; it says so when QEMU ends. A recipe that nobody
    called has shown nothing."""
    idle = 0
    for row in rows:
        log = session.log(f"rmm-{row.kernel}").read_text(errors="replace")
        print(f"\narm-rmm with {row.kernel}:")
        said = [x for x in log.splitlines() if x.startswith("arm-rmm: ")]
        print("\n".join(said) or "nothing")
        if not said or any(x.startswith("arm-rmm: 0 calls") for x in said):
            print("(this kernel has no code that calls it, or does not reach it)")
            idle += recipes.has_script(wish)
    if idle:
        print(f"RMM={wish}: reached nothing, so that this has failed")
    return status.FAILED if idle else status.PASSED


def interactive(args: argparse.Namespace, session: Session) -> int:
    """--shell, --initrd: QEMU takes over the terminal, and this process."""
    spec = args.kernel[0] if args.kernel else "debian:stable"
    kernel = session.kernel(spec, modules_of(args, 0))
    topology = session.topology(args.topology)
    # Whatever a test with these devices loads, the user may want as well.
    tests = [t for t in table.read_table() if t.topology == args.topology]
    boot = session.boot(f"shell-{kernel.label}", kernel, topology, tests, True)
    command = dataclasses.replace(boot, serial=("-serial", "mon:stdio")).command()
    sys.stdout.flush()
    os.execv(command[0], command)


def known_behaviours(args: argparse.Namespace) -> behaviours.Behaviours:
    """Ours, and those beside a scenario of the user's own."""
    paths = sorted(behaviours.TABLES.glob("*.toml"))
    paths += [path for path in (s.with_suffix(".toml") for s in args.scenario)
              if path.exists() and path not in paths]
    return behaviours.Behaviours(paths, args.hide)


def check_inputs(args: argparse.Namespace) -> None:
    """Mistakes are told before anything boots."""
    guest.scale()
    if args.compare and len(set(args.kernel)) != 2:
        raise ImageError("a comparison wants two different kernels")
    mistakes = [text for path in args.scenario if path.suffix == ".ipmi"
                for text in scenario.check(path)]
    if mistakes:
        raise TableError("\n".join(mistakes))
    for path in [args.initrd] if args.initrd else []:
        if not path.is_file():
            raise ImageError(f"there is no initramfs {path}")
    if not os.access(args.qemu, os.X_OK):
        raise SetupError(f"there is no {args.qemu}: run make first")


def main(words: list[str] | None = None) -> int:
    args = arguments(words)
    if args.list:
        return show_list(args.only)
    check_inputs(args)
    session = Session(os.path.abspath(args.qemu), args.append, args.initrd,
                      report.COMPARE if args.compare else
                      report.KERNEL if args.kernel else report.RIG,
                      known_behaviours(args))
    tests = choose(args)
    session.script("guest-userland.sh")
    if args.recipes:
        return cookbook.run(session, session.kernel(
            (args.kernel or ["debian:stable"])[0]),
            "".join(args.only), args.rmm, args.jobs)
    if args.rmm:
        session.topologies["rmm"] = recipes.topology(args.rmm)
        wrong = recipes.check(session.qemu, args.rmm, session.topologies["rmm"])
        if wrong:
            raise TableError(wrong)
        args.topology = "rmm"
    if args.shell or args.initrd:
        return interactive(args, session)
    started = time.monotonic()
    jobs = make_jobs(args, session, tests)
    if session.used:
        session.leave_a_shell(session.used[0])
    session.progress = Progress(len(jobs), args.quiet)
    rows = run_jobs(jobs, args.jobs, session.progress)
    if args.compare:
        return conclude_comparison(session, rows)
    result = conclude(args, session, rows, time.monotonic() - started)
    if args.rmm:
        result = show_rmm(session, rows, args.rmm) or result
    return result


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (ImageError, TableError) as error:
        print(f"guest tests: error: {error}", file=sys.stderr)
        sys.exit(error.status if isinstance(error, ImageError) else status.USAGE)
    except KeyboardInterrupt:
        guest.kill_all()
        print("\nguest tests: interrupted", file=sys.stderr)
        sys.exit(130)
