#!/bin/sh
# Everything that a guest can see of a machine, for stock-compare.py.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later

. /rig/tap.sh

# Before anything is printed here, since that goes to the same log.
dmesg >/tmp/dmesg
step "dumping"
for what in dmesg lspci iomem; do
    case $what in
    dmesg) cat /tmp/dmesg ;;
    lspci) lspci -vvv -xxx 2>/dev/null ;;
    iomem) cat /proc/iomem ;;
    esac | sed "s/^/$what| /"
done
ok 0 "dumped"
tap_done
