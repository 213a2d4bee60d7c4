#!/bin/sh
# Virtual Functions: Linux enables them, they issue AtomicOps of their own, and
# the physical Function's AtomicOp Requester Enable governs them (PCIe r6.0
# sec 7.5.3.16, 9.3).
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
#
# pci-pf-stub is the driver of physical Functions that need none.
# The registers are reached through /dev/mem, since no driver is bound; they are
# those of docs/specs/pcie-fabric-endpoint.rst. The target is the peer memory
# of the physical Function: the request of a VF meets its own downstream port's
# window and comes back only if that port's ACS upstream forwarding sends it up.
#
# shellcheck disable=SC2154  # each_device() sets path and props

. /rig/tap.sh

want=4
done_sc=0x80000010
not_issued=0x80000030

find_pf() {
    case $id in
    pf0) pf=$path ;;
    ds0) ds=$path ;;
    esac
}
each_device find_pf

bar() { # DIRECTORY NUMBER: its address
    sed -n "$(($2 + 1))s/ .*//p" "$1/resource"
}

reg() { # OFFSET [VALUE]
    if [ $# -eq 1 ]; then
        printf '0x%x\n' "$(busybox devmem $((regs + $1)) 32)"
    else
        busybox devmem $((regs + $1)) 32 "$2"
    fi
}

reason() { echo $(($(reg 0x84) >> 16)); }

# A 64-bit FetchAdd of $1 to address $2 by the Function whose BAR 0 is $regs
fetch_add() {
    reg 0x40 0x32
    reg 0x44 0
    reg 0x48 $(($2 & 0xffffffff))
    reg 0x4c $(($2 >> 32))
    reg 0x50 "$1"
    reg 0x54 0
    reg 0x78 1
}

step enable
echo pci-pf-stub >"$pf/driver_override"
basename "$pf" >/sys/bus/pci/drivers_probe
echo $want >"$pf/sriov_numvfs"
is "$(cat "$pf/sriov_numvfs")" $want "the kernel enables $want virtual Functions"
n=0
for vf in "$pf"/virtfn*; do
    [ -e "$vf/config" ] || continue
    n=$((n + 1))
    ids=$(cat "$vf/vendor" "$vf/device" | tr '\n' ' ')
    is "$ids" "0x1af4 0x10f4 " "${vf##*/}: identity"
done
is "$n" $want "all of them are there"

step "requests of virtual Functions"
echo on >"$pf/power/control"
pf_bdf=$(basename "$(readlink -f "$pf")")
ds_bdf=$(basename "$(readlink -f "$ds")")
setpci -s "$pf_bdf" COMMAND=0006:0006
# Upstream forwarding, so that the way leads to the root complex and back
setpci -s "$ds_bdf" ECAP_ACS+6.w=0010:0010
counter=$(($(bar "$pf" 2) + 0x100))
busybox devmem $counter 64 5
sum=5
for vf in "$pf"/virtfn*; do
    name=${vf##*/}
    vf_bdf=$(basename "$(readlink -f "$vf")")
    regs=$(($(bar "$vf" 0)))
    is "$(reg 0)" 0x50454752 "$name: its register file"
    is "$(($(reg 8) & 16))" 16 "$name: says that it is virtual"

    setpci -s "$pf_bdf" CAP_EXP+28.w=0000:0040
    setpci -s "$vf_bdf" COMMAND=0000:0004
    fetch_add 7 $counter
    is "$(reason)" 1 "$name: NO_BME without its own Bus Master Enable"
    setpci -s "$vf_bdf" COMMAND=0004:0004
    setpci -s "$vf_bdf" CAP_EXP+28.w=0040:0040
    is "$(setpci -s "$vf_bdf" CAP_EXP+28.w)" 0000 \
        "$name: AtomicOp Requester Enable is not its own"
    fetch_add 7 $counter
    is "$(reg 0x80) $(reason)" "$not_issued 2" \
        "$name: NO_REQ_EN while the physical Function's is 0"
    setpci -s "$pf_bdf" CAP_EXP+28.w=0040:0040
    fetch_add 7 $counter
    is "$(reg 0x80) $(reason)" "$done_sc 0" "$name: FetchAdd completes"
    is $(($(reg 0x90))) $sum "$name: original value"
    sum=$((sum + 7))
done
is $(($(busybox devmem $counter 64))) $sum "the counter holds the sum of all"
seen "$n virtual Functions, counter $sum"

step disable
echo 0 >"$pf/sriov_numvfs"
is "$(ls -d "$pf"/virtfn* 2>/dev/null | wc -l)" 0 "disabled, they are gone"

tap_done
