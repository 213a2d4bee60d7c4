# What the specification wants of a fabric device, from its -device line.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
#
# shellcheck shell=sh disable=SC2154,SC2034  # each_device() sets driver, ...
#
# To be sourced after tap.sh, and called from each_device(). Nothing here looks
# at the device itself.

sign() { # VARIABLE ON-OR-OFF
    case $2 in on) eval "$1=+" ;; *) eval "$1=-" ;; esac
}

# describe: set from driver, parent and props
#   kind      rp, usp, dsp, endpoint, legacy or rciep
#   is_port   yes or no
#   routing   on or off: a root port routes only when told so
#   want_cap, want_ctl   what lspci has to print after AtomicOpsCap/Ctl:,
#             PCIe r6.0 sec 7.5.3.15 and 7.5.3.16
describe() {
    is_port=yes
    routing=off
    case $driver in
    pcie-fabric-root-port) kind=rp; prop atomic-routing off; routing=$value ;;
    pcie-fabric-upstream) kind=usp; prop atomic-routing on; routing=$value ;;
    pcie-fabric-downstream) kind=dsp; prop atomic-routing on; routing=$value ;;
    *)
        is_port=no
        prop pcie-type endpoint
        kind=$value
        [ "$parent" != pcie.0 ] || kind=rciep ;;
    esac
    prop atomic-comp32 on; sign c32 "$value"
    prop atomic-comp64 on; sign c64 "$value"
    prop atomic-comp128 on; sign c128 "$value"
    prop atomic-egress-block off; sign block "$value"
    sign route "$routing"
    completers="32bit$c32 64bit$c64 128bitCAS$c128"
    case $kind in
    rp)
        want_cap="Routing$route $completers"
        want_ctl="ReqEn- EgressBlck$block" ;;
    usp|dsp)
        # No memory BAR, hence no completer bits.
        want_cap="Routing$route"
        want_ctl="EgressBlck$block" ;;
    *)
        want_cap=$completers
        want_ctl="ReqEn-" ;;
    esac
}
