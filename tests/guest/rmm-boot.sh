#!/bin/sh
# A kernel that knows nothing of realms, above an RMM: it boots at EL2 and finds
# the SMC calling convention that one needs to look for an RMM.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later

. /rig/tap.sh

log=$(dmesg)

# has PATTERN DESCRIPTION: a line of the kernel's log
has() {
    printf '%s\n' "$log" | grep -Eq "$1"
    ok $? "$2"
}

has 'CPU: All CPU\(s\) started at EL2' 'the CPUs start at EL2'
has 'psci: PSCIv1\.[1-9] detected in firmware' 'PSCI 1.1 or newer'
has 'psci: SMC Calling Convention v1\.[2-9]' 'SMC calling convention 1.2 or newer'
online=$(cat /sys/devices/system/cpu/online)
is "$online" "$(cat /sys/devices/system/cpu/possible)" 'all CPUs are up, by PSCI'
# No page that the kernel uses takes a granule protection fault.
dd if=/dev/zero of=/fill bs=1M count=64 2>/dev/null && rm /fill
ok $? '64 MiB of memory are written'
! dmesg | grep -Eq 'granule protection|external abort|Oops: |BUG: '
ok $? 'no fault of memory in the log'
seen "$(printf '%s\n' "$log" | sed -n 's/.*\(SMC Calling Convention v[0-9.]*\).*/\1/p')," \
    "CPUs $online"
tap_done
