#!/bin/sh
# Run test layers; the last line is "N passed, N failed".
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: check.sh LAYER...    with LAYER one of: qtest, guest, long
# Each layer leaves JUnit XML in build/results; the sum is made of that.
# Watchdog and limit of memory of the qtests are scripts/guard.py: ours come with
# it, QEMU's own get it here. Meson's time-outs, which look at the clock on the
# wall, are off.
# T=PATTERN limits both to the tests whose names match, such as T='ipmi-*'; ./rig
# check has seen to it that there are some.

. "$(dirname "$0")/lib.sh"

results=$RIG_BUILD/results
mkdir -p "$results"
status=0

# QEMU's own tests that any device type must survive, besides ours.
upstream_qtests="tests/qtest/device-introspect-test tests/qtest/qom-test"

# run_qtests NAME TEST...: tests as meson names them, patterns allowed
run_qtests() {
    into=$1
    shift
    # shellcheck disable=SC2086  # one word a target
    "$RIG_TOP/scripts/build.sh" rig-qtests $upstream_qtests \
        qemu-system-aarch64 qemu-img
    # meson names it after the wrapper
    junit=$RIG_BUILD/qemu/meson-logs/testlog-python3.junit.xml
    rm -f "$results/$into.xml" "$junit"
    say "qtests (log: build/logs/$into.log)"
    (cd "$RIG_BUILD/qemu" &&
        pyvenv/bin/meson test --no-rebuild --print-errorlogs \
            --num-processes "$(nproc)" --timeout-multiplier 0 \
            --wrapper "python3 '$RIG_TOP/scripts/guard.py' --wrapper" \
            "$@") >"$RIG_BUILD/logs/$into.log" 2>&1 ||
        { status=1; cat "$RIG_BUILD/logs/$into.log"; }
    cp "$junit" "$results/$into.xml"
}

# No include goes upwards: configs/layers.tab
check_layers() {
    rm -f "$results/layers.xml"
    python3 "$RIG_TOP/scripts/check-layers.py" --self-test \
        --junit "$results/layers.xml" || status=1
    set_of_results="$set_of_results layers"
}

check_qtest() {
    if [ -n "${T-}" ]; then
        run_qtests qtest "qtest-rig/$T"
    else
        check_layers
        run_qtests qtest 'qtest-rig/*' qtest-aarch64/device-introspect-test \
            qtest-aarch64/qom-test
    fi
}

check_guest() {
    rm -f "$results/guest.xml"
    python3 "$RIG_TOP/tests/guest/run.py" --set check ${T:+--only "$T"} || status=1
}

# What takes too long for every day: soaks, and waits of seconds
check_long() {
    RIG_SOAK=1
    export RIG_SOAK
    run_qtests long-qtest 'qtest-rig/*soak*'
    unset RIG_SOAK
    rm -f "$results/guest.xml"
    python3 "$RIG_TOP/tests/guest/run.py" --set long || status=1
    mv "$results/guest.xml" "$results/long.xml"
    set_of_results="$set_of_results long-qtest"
}

set_of_results=
for layer; do
    case $layer in
    qtest|guest|long)
        "check_$layer"; set_of_results="$set_of_results $layer" ;;
    *) die "check.sh: unknown layer '$layer'" ;;
    esac
done
# shellcheck disable=SC2086
python3 "$RIG_TOP/scripts/sum-results.py" "$results" $set_of_results || status=1
exit $status
