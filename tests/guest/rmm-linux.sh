#!/bin/sh
# Unmodified Linux with arm-rmm at EL3: it finds SMCCC 1.2, which QEMU's own PSCI
# does not announce, and every CPU goes off and on with granule protection
# checks enabled.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later

. /rig/tap.sh

cpus=/sys/devices/system/cpu

[ -e $cpus/cpu1/online ] || skip_all "kernel cannot switch CPUs off"

# The version is the machine's; that we hear of it is the kernel's.
step "kernel log"
version=$(dmesg | sed -n 's/.*SMC Calling Convention v\([0-9.]*\).*/\1/p')
[ -n "$version" ]
kernel $? "the kernel tells the version of SMCCC => $version"
case $version in
1.[2-9]|[2-9].*|'') true ;;
*) false ;;
esac
ok $? "SMCCC, if it is told, is 1.2 or later => $version"
dmesg | grep -q 'CPU: All CPU(s) started at EL2'
kernel $? "the kernel starts all CPUs at EL2"
read -r online <$cpus/online
is "$online" 0-3 "all four CPUs are online"

for round in 1 2; do
    for cpu in 1 2 3; do
        step "round $round: CPU $cpu off and on"
        echo 0 >$cpus/cpu$cpu/online
        read -r state <$cpus/cpu$cpu/online
        is "$state" 0 "round $round: CPU $cpu is off"
        echo 1 >$cpus/cpu$cpu/online
        read -r state <$cpus/cpu$cpu/online
        is "$state" 1 "round $round: CPU $cpu is on"
    done
done

seen "SMCCC $version, CPUs $online, each off and on twice"
tap_done
