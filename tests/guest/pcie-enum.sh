#!/bin/sh
# The guest finds the tree of the command line, and every register that lspci
# decodes is as the command line says.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
#
# shellcheck disable=SC2154  # set by each_device(), describe() and lspci

. /rig/tap.sh
. /rig/pcie.sh

decoded=/tmp/lspci.d

# One pass over lspci's output: a file for each function that sets a variable
# for each line that matters here, to be sourced.
split_lspci() {
    awk -v dir="$decoded" '
    function put(name, text) {
        gsub(/\047/, "", text)
        sub(/[ \t]+$/, "", text)
        print name "=\047" text "\047" >file
    }
    /^[0-9a-f]/ { file = dir "/" $1 }
    # The flags of LnkSta are on a line of their own.
    / DLActive[+-]/ || /\tDLActive[+-]/ { put("lnkflags", $0) }
    match($0, /(AtomicOpsCap|AtomicOpsCtl|LnkCap|LnkSta|ACSCap):[ \t]*/) {
        name = tolower(substr($0, RSTART, index($0, ":") - RSTART))
        put(name, substr($0, RSTART + RLENGTH))
    }
    / Express \(v[0-9]+\)/ {
        text = $0
        sub(/.* Express /, "", text)
        sub(/, .*/, "", text)
        sub(/ \(Slot[+-]\)/, "", text)
        put("express", text)
    }
    / Power Management version/ { put("pm", "yes") }
    / Advanced Error Reporting/ { put("aer", "yes") }
    ' /tmp/lspci
}

# has LIST WORD...: lspci separates by blanks and commas.
has() {
    all=" $1,"
    shift
    for word; do
        case $all in
        *" $word"[\ ,]*) ;;
        *) return 1 ;;
        esac
    done
}

want_express() {
    case $kind in
    rp) want="Root Port" ;;
    usp) want="Upstream Port" ;;
    dsp) want="Downstream Port" ;;
    endpoint) want="Endpoint" ;;
    legacy) want="Legacy Endpoint" ;;
    rciep) want="Root Complex Integrated Endpoint" ;;
    esac
    want="(v2) $want"
}

# Does the topology put something below this port?
parents=" "
note_parent() { parents="$parents$parent "; }

# Sec 7.5.3.6-8: what is connected runs at the speed that it can do.
check_link() {
    if [ "$kind" = rciep ]; then
        is "$lnkcap$lnksta" "" "$id: an RCiEP has no link"
        return
    fi
    speed=${lnkcap#*Speed }
    speed=${speed%%[, ]*}
    width=${lnkcap#*Width }
    width=${width%%[, ]*}
    case $speed,$width in
    *[0-9]GT/s,x[1-9]*) true ;;
    *) false ;;
    esac
    ok $? "$id: LnkCap has a speed and a width => $speed $width"
    case $kind,$parents in
    rp,*" $id "*|dsp,*" $id "*) active=+ ;;
    rp,*|dsp,*) active=- ;;
    *) active= ;;
    esac
    if [ "$active" != - ]; then
        case $lnksta in
        "Speed $speed"*"Width $width"*) true ;;
        *) false ;;
        esac
        ok $? "$id: the link is up as fast and wide as it can be => $lnksta"
    fi
    [ -n "$active" ] || return
    # Data Link Layer Link Active, and the capability of reporting it.
    has "$lnkflags" "DLActive$active"
    ok $? "$id: DLActive$active => $lnkflags"
    prop port 0
    has "$lnkcap" "#$value"
    ok $? "$id: port number $value in LnkCap => $lnkcap"
}

# Sec 7.7.11 and 6.12.1: required in root ports that take part and in switch
# downstream ports; forbidden in single-function upstream ports and endpoints.
check_acs() {
    prop acs on
    case $kind,$value in
    rp,on|dsp,on)
        has "$acscap" SrcValid+ TransBlk+ ReqRedir+ CmpltRedir+ UpstreamFwd+
        ok $? "$id: ACS capability => $acscap" ;;
    *) is "$acscap" "" "$id: no ACS capability" ;;
    esac
}

check_device() {
    step "$id"
    bdf=${path##*/}
    [ -n "$path" ] && [ -f "$decoded/$bdf" ]
    ok $? "$id: $driver is below $parent, slot $slot"
    [ -n "$path" ] || return
    describe
    atomicopscap='' atomicopsctl='' lnkcap='' lnksta='' lnkflags='' acscap='' express=''
    pm=no aer=no
    # shellcheck disable=SC1090  # made by split_lspci
    . "$decoded/$bdf"
    want_express
    is "$express" "$want" "$id: PCIe capability and port type"
    is "$atomicopscap" "$want_cap" "$id: AtomicOpsCap as on the command line"
    is "$atomicopsctl" "$want_ctl" "$id: AtomicOpsCtl after reset"
    check_link
    check_acs
    is "$pm $aer" "yes yes" "$id: PM and AER capabilities"
    if [ "$is_port" = yes ]; then
        [ -e "/sys/bus/pci/drivers/pcieport/$bdf" ]
        kernel $? "$id: the kernel binds its port driver"
        # Device Capabilities bit 28: FLR is for endpoints only, sec 6.6.2.
        is $((0x$(setpci -s "$bdf" CAP_EXP+07.b) & 0x10)) 0 \
            "$id: no function-level reset in a port"
    fi
    functions=$((functions + 1))
}

# What the kernel has to complain about, if it does.
quiet() { # PATTERN DESCRIPTION
    lines=$(grep -E "$1" /tmp/dmesg | head -n 5)
    kernel_is "$lines" "" "$2"
}

step "lspci -vvv"
mkdir -p "$decoded"
lspci -D -n -vvv >/tmp/lspci 2>/tmp/lspci.err
ok $? "lspci -vvv"
# libkmod: not about our devices; this initramfs has no modules to look up.
is "$(grep -v libkmod /tmp/lspci.err)" "" "lspci has nothing to complain about"
split_lspci
each_device note_parent
functions=0
each_device check_device
step "the kernel's log"
dmesg >/tmp/dmesg
quiet '(BAR|bridge window).*(failed to assign|no space|can.t assign)' \
    "the kernel finds a place for every BAR and window"
quiet 'AER:.*[Ee]rror|PCIe Bus Error' "the kernel hears of no AER error"
seen "$functions functions where the command line put them;" \
    "$((tap_number - tap_failed)) of $tap_number checks of AtomicOps, link, ACS," \
    "AER and PM registers as configured"
tap_done
