#!/bin/sh
# Linux' ipmi_poweroff: the guest goes off by Chassis Control.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The driver has to choose the chassis function, and not one of the others that
# it knows, all of which it asks for first. That the BMC then really has been
# told to power down is seen on the host, when this guest goes off
# (ipmi-poweroff.py).

. /rig/tap.sh

n=0
until dmesg | grep -q 'Found a .* style poweroff function' || [ $n -eq 20 ]; do
    n=$((n + 1))
    sleep 1
done
found=$(dmesg | sed -n 's/.*Found a \(.*\) style poweroff function.*/\1/p')
kernel_is "$found" chassis "the way to power down => ${found:-none}"
seen "the $found function"
tap_done
