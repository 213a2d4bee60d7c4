#!/bin/sh
# Unmodified Linux with arm-rmm at EL3: it finds SMCCC 1.2, which QEMU's own PSCI
# does not announce, and every CPU goes off and on with granule protection
# checks enabled.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later

. /rig/tap.sh

cpus=/sys/devices/system/cpu

step "kernel log"
version=$(dmesg | sed -n 's/.*SMC Calling Convention v\([0-9.]*\).*/\1/p')
case $version in
1.[2-9]|[2-9].*) ok 0 "SMCCC $version" ;;
*) ok 1 "SMCCC '$version', at least 1.2 wanted" ;;
esac
dmesg | grep -q 'CPU: All CPU(s) started at EL2'
ok $? "all CPUs started at EL2"
read -r online <$cpus/online
is "$online" 0-3 "CPUs online"

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
