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

# There are two kinds of test points, and a form for their texts: see tap.h.
# ok STATUS TEXT: what the machine did; passed when STATUS is 0.
ok() {
    tap_point "$1" '' "$2"
    tap_failed=$((tap_failed + ($1 != 0)))
}

# kernel STATUS TEXT: what the kernel made of it; 0 when that is expected.
kernel() {
    tap_point "$1" ' # KERNEL' "$2"
}

# kernel_open TEXT: the same where kernels differ; the harness has to know it.
kernel_open() {
    tap_point 0 ' # KERNEL open' "$1"
}

tap_point() {
    tap_number=$((tap_number + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $tap_number - $3$2"
    else
        echo "not ok $tap_number - $3$2"
    fi
}

# is GOT WANTED TEXT: a point of the machine; kernel_is: one of the kernel
is() {
    tap_same "$1" "$2" ok "$3"
}

kernel_is() {
    tap_same "$1" "$2" kernel "$3"
}

tap_same() {
    if [ "$1" = "$2" ]; then
        "$3" 0 "$4"
    else
        "$3" 1 "$4"
        echo "#   wanted: $2"
        echo "#   got:    $1"
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
