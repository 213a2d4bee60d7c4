#!/usr/bin/env python3
"""Has every command of ipmi-bmc-multi a test that is named after it?

Copyright (c) 2026 the qemu-rig authors
SPDX-License-Identifier: GPL-2.0-or-later

The commands are those of the tables in hw/ipmi; the tests are the rows of the
table in tests/qtest/ipmi-commands-test.c. Ends with 1 if a command has no row
of its name, or a row no command.
"""

import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
ARRAY = re.compile(r'^static const IPMICommand (\w+)\[\] = \{\n(.*?)^\};',
                   re.M | re.S)
ROW = re.compile(r'^    \{ (0x[0-9a-f]{2}), "([^"]+)"', re.M)
TABLE = re.compile(r'IPMI_COMMAND_TABLE\(IPMI_MULTI_NETFN_(\w+),\s*(\w+)\)')
NETFN = re.compile(r'^#define IPMI_MULTI_NETFN_(\w+)\s+(0x[0-9a-f]+)', re.M)
TEST = re.compile(r'^    \{ (0x[0-9a-f]{2}), (0x[0-9a-f]{2}), "([^"]+)"', re.M)


def slug(name):
    return re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')


def commands():
    header = TOP / 'include/hw/ipmi/ipmi-bmc-multi.h'
    netfns = {name: int(val, 0) for name, val in
              NETFN.findall(header.read_text())}
    found = {}
    for path in sorted((TOP / 'hw/ipmi').glob('*.c')):
        text = path.read_text()
        arrays = dict(ARRAY.findall(text))
        used = set()
        for netfn, array in TABLE.findall(text):
            used.add(array)
            for cmd, name in ROW.findall(arrays[array]):
                found[netfns[netfn], int(cmd, 0)] = slug(name)
        if used != set(arrays):
            sys.exit(f'{path.name}: a table of commands is not understood')
    return found


def tests():
    text = (TOP / 'tests/qtest/ipmi-commands-test.c').read_text()
    return {(int(netfn, 0), int(cmd, 0)): name
            for netfn, cmd, name in TEST.findall(text)}


def main():
    have, want = tests(), commands()
    if not want:
        sys.exit('no commands found in hw/ipmi')
    bad = 0
    for key in sorted(have.keys() | want.keys()):
        if have.get(key) != want.get(key):
            bad += 1
            print('%02x/%02x: command %s, test %s' % (
                *key, want.get(key, 'none'), have.get(key, 'none')))
    print(f'{len(want)} commands, {bad} without a test of their name')
    sys.exit(1 if bad else 0)


main()
