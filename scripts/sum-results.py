#!/usr/bin/env python3
# Sum up JUnit files: one line a layer, and "N passed, N failed" at the end.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: sum-results.py DIR LAYER...    reads DIR/LAYER.xml
# A layer without a file, or whose file holds no test, counts as one failure:
# a layer that did not run must not look green.

import sys
import xml.etree.ElementTree as ET
from pathlib import Path


def count(path: Path) -> tuple[int, int, int]:
    """Passed, failed and skipped test cases of a JUnit file."""
    passed = failed = skipped = 0
    for case in ET.parse(path).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def news(path: Path) -> int:
    """Behaviours of kernels that no table knew: shown, and no failure."""
    try:
        found = ET.parse(path).iter("skipped")
    except (OSError, ET.ParseError):
        return 0
    return sum((case.get("message") or "").startswith("NEW: ")
               for case in found)


def main() -> int:
    directory = Path(sys.argv[1])
    total = [0, 0, 0]
    for layer in sys.argv[2:]:
        try:
            result = count(directory / f"{layer}.xml")
        except (OSError, ET.ParseError) as error:
            print(f"{layer}: no results: {error}")
            result = (0, 1, 0)
        if sum(result) == 0:
            print(f"{layer}: no test was run")
            result = (0, 1, 0)
        print(f"{layer:8} {result[0]:5} passed {result[1]:5} failed "
              f"{result[2]:5} skipped")
        total = [a + b for a, b in zip(total, result)]
    new = sum(news(directory / f"{layer}.xml") for layer in sys.argv[2:])
    if new:
        print(f"kernel news: {new} behaviours that no table knows; "
              "see NEW: above")
    # They are counted there, and are no tests that were left out.
    total[2] -= new
    line = f"{total[0]} passed, {total[1]} failed"
    print(line + (f", {total[2]} skipped" if total[2] else ""))
    return 1 if total[1] else 0


sys.exit(main())
