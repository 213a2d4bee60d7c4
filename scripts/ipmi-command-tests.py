#!/usr/bin/env python3
"""Has every command of ipmi-bmc-multi a test, and a row in its documentation?

Copyright (c) 2026 the qemu-rig authors
SPDX-License-Identifier: GPL-2.0-or-later

The commands are those of the tables in hw/ipmi/multi; the tests are the rows of the
table in tests/qtest/ipmi-commands-test.c, named after the commands; the
documentation is docs/specs/ipmi-bmc-multi.rst, with name, bytes and privilege.
Ends with 1 if a command has no row of its name in either, or a row no command,
or if the documentation says something else than the device's table.
"""

import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
ARRAY = re.compile(r'^static const IPMICommand (\w+)\[\] = \{\n(.*?)^\};',
                   re.M | re.S)
ROW = re.compile(r'\{ (0x[0-9a-f]{2}), "([^"]+)",\s*([^,]+),\s*([^,]+),\s*(\w+),'
                 r'\s*(\w+),')
ROWS = re.compile(r'^    \{ 0x', re.M)
DEFINE = re.compile(r'^#define (\w+)[ \t]+(.+?)[ \t]*(?:/\*.*)?$', re.M)
TABLE = re.compile(r'IPMI_COMMAND_TABLE\(IPMI_MULTI_NETFN_(\w+),\s*(\w+)\)')
NETFN = re.compile(r'^#define IPMI_MULTI_NETFN_(\w+)\s+(0x[0-9a-f]+)', re.M)
DOC = re.compile(r'^([0-9a-f]{2})/([0-9a-f]{2})  (\S.*?)  +([0-9-]+)  +(\w+)', re.M)
LEVELS = ['any', 'callback', 'user', 'operator', 'admin']
TESTS = re.compile(r'^static const Command commands\[\] = \{\n(.*?)^\};',
                   re.M | re.S)
TEST = re.compile(r'^    \{ (0x[0-9a-f]{2}), (0x[0-9a-f]{2}), "([^"]+)"', re.M)


def slug(name):
    return re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')


def value(text, macros):
    """Of a C expression of numbers, macros, sums and parentheses"""
    total = 0
    for term in text.replace('(', '').replace(')', '').split('+'):
        term = term.strip()
        total += (value(macros[term], macros) if term in macros else
                  int(term, 0))
    return total


def rule(row, macros):
    """Bytes and privilege, as the documentation has them"""
    least, most, level, flags = row
    least, most = value(least, macros), value(most, macros)
    return (f'{least}' if least == most else f'{least}-{most}',
            'system' if flags == 'IPMI_CMD_SYS_ONLY' else
            LEVELS[value(level, macros)])


def commands():
    headers = [path.read_text() for path in
               [*(TOP / 'include/hw/ipmi').glob('*.h'),
                *(TOP / 'hw/ipmi/multi').glob('*.h')]]
    macros = dict(DEFINE.findall('\n'.join(headers)))
    netfns = {name: int(val, 0) for text in headers
              for name, val in NETFN.findall(text)}
    found = {}
    for path in sorted((TOP / 'hw/ipmi/multi').glob('*.c')):
        text = path.read_text()
        own = macros | dict(DEFINE.findall(text))
        arrays = dict(ARRAY.findall(text))
        used = set()
        for netfn, array in TABLE.findall(text):
            used.add(array)
            rows = ROW.findall(arrays[array])
            if len(rows) != len(ROWS.findall(arrays[array])):
                sys.exit(f'{path.name}: a row of {array} is not understood')
            for cmd, name, *row in rows:
                found[netfns[netfn], int(cmd, 0)] = (name, *rule(row, own))
        if used != set(arrays):
            sys.exit(f'{path.name}: a table of commands is not understood')
    return found


def documented():
    text = (TOP / 'docs/specs/ipmi-bmc-multi.rst').read_text()
    return {(int(netfn, 16), int(cmd, 16)): tuple(row)
            for netfn, cmd, *row in DOC.findall(text)}


def tests():
    text = (TOP / 'tests/qtest/ipmi-commands-test.c').read_text()
    return {(int(netfn, 0), int(cmd, 0)): name
            for netfn, cmd, name in TEST.findall(TESTS.search(text)[1])}


def compare(what, have, want):
    """How many keys have something else, or nothing"""
    bad = 0
    for key in sorted(have.keys() | want.keys()):
        if have.get(key) != want.get(key):
            bad += 1
            print('%02x/%02x: command %s, %s %s' % (
                *key, want.get(key, 'none'), what, have.get(key, 'none')))
    return bad


def main():
    device = commands()
    if not device:
        sys.exit('no commands found in hw/ipmi/multi')
    untested = compare('test', tests(), {key: slug(row[0])
                                         for key, row in device.items()})
    unwritten = compare('documentation', documented(), device)
    print(f'{len(device)} commands, {untested} without a test of their name, '
          f'{unwritten} not as the documentation has them')
    sys.exit(1 if untested or unwritten else 0)


main()
