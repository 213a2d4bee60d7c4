#!/bin/sh
# setpci changes the AtomicOp bits of Device Control 2 where the specification
# has them, and nowhere else (PCIe r6.0 sec 7.5.3.16).
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
#
# shellcheck disable=SC2154  # each_device() and describe() set them

. /rig/tap.sh
. /rig/pcie.sh

devctl2=CAP_EXP+28.w
req_en=0040
egr_blk=0080

# Set, clear, put back; the other bits stay as they are. setpci prints the
# register for every read among its operations.
check_bit() { # MASK NAME WRITABLE
    out=$(setpci -s "${path##*/}" "$devctl2" "$devctl2=$1:$1" "$devctl2" \
        "$devctl2=0000:$1" "$devctl2" 2>&1)
    # shellcheck disable=SC2086  # one register value a word
    set -- "$1" "$2" "$3" $out
    case $#,$4 in
    6,[0-9a-f][0-9a-f][0-9a-f][0-9a-f]) ;;
    *) ok 1 "$id ($kind): $2: setpci reads Device Control 2 => $out"
        return ;;
    esac
    set_to=$((0x$4 & ~0x$1))
    clear_to=$set_to
    if [ "$3" = yes ]; then
        set_to=$((set_to | 0x$1))
        writable=$((writable + 1))
    else
        fixed=$((fixed + 1))
    fi
    is $((0x$5)) $set_to "$id ($kind): $2 after writing 1, writable: $3"
    is $((0x$6)) $clear_to "$id ($kind): $2 after writing 0"
    out=$(setpci -s "${path##*/}" "$devctl2=$4" "$devctl2")
    is "$out" "$4" "$id ($kind): $2 put back"
}

check_device() {
    step "$id"
    describe
    if [ -z "$path" ]; then
        ok 1 "$id: found"
        return
    fi
    # Egress blocking: ports that route. Our root port never sends AtomicOps
    # of its own, so that ReqEn is hardwired to 0 in every port.
    case $is_port,$routing in
    yes,on) check_bit $egr_blk EgrBlk yes; check_bit $req_en ReqEn no ;;
    yes,*) check_bit $egr_blk EgrBlk no; check_bit $req_en ReqEn no ;;
    *) check_bit $egr_blk EgrBlk no; check_bit $req_en ReqEn yes ;;
    esac
}

writable=0
fixed=0
each_device check_device
seen "$writable bits to be set and cleared, $fixed hardwired to 0;" \
    "$((tap_number - tap_failed)) of $tap_number reads as wanted"
tap_done
