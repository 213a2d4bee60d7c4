# TAP for guest programs in sh; source it first, call tap_done last.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
#
# shellcheck shell=sh

tap_number=0
tap_failed=0

step() { echo "# step: $*"; }
seen() { echo "# seen: $*"; }

# ok STATUS DESCRIPTION: one test point, passed when STATUS is 0.
ok() {
    tap_number=$((tap_number + 1))
    tap_status=$1
    shift
    if [ "$tap_status" -eq 0 ]; then
        echo "ok $tap_number - $*"
    else
        tap_failed=$((tap_failed + 1))
        echo "not ok $tap_number - $*"
    fi
}

# is GOT WANTED DESCRIPTION
is() {
    tap_got=$1
    tap_want=$2
    shift 2
    if [ "$tap_got" = "$tap_want" ]; then
        ok 0 "$@"
    else
        ok 1 "$@"
        echo "#   wanted: $tap_want"
        echo "#   got:    $tap_got"
    fi
}

# The kernel lacks what the whole program needs.
skip_all() {
    echo "1..0 # SKIP $*"
    exit 0
}

tap_done() {
    echo "1..$tap_number"
    exit $((tap_failed > 0))
}

# A fork costs an emulated CPU some 10 ms: what follows does without.

# each_device COMMAND: run COMMAND for every -device of the topology, in its
# order (parents first), with id, driver, parent, slot, props, and path, the
# directory in sysfs (empty if it is not there). No bus number is assumed. An id
# has letters, digits and _ only.
# shellcheck disable=SC2034  # the variables are for COMMAND
each_device() {
    while read -r id driver parent slot props; do
        case $parent in
        pcie.0) tap_above="/sys/devices/platform/*/pci0000:00" ;;
        *) eval "tap_above=\${path_$parent-}" ;;
        esac
        path=
        # shellcheck disable=SC2231  # the pattern is to be expanded
        for tap_found in ${tap_above:-/nowhere}/0000:*:"$slot"; do
            [ ! -e "$tap_found/config" ] || path=$tap_found
        done
        eval "path_$id=\$path"
        "$@"
    done </rig/devices
}

# prop NAME DEFAULT: set value to that of a -device property in props.
# shellcheck disable=SC2034  # value is for the caller
prop() {
    value=$2
    for tap_prop in $props; do
        case $tap_prop in
        "$1="*) value=${tap_prop#*=} ;;
        esac
    done
}
