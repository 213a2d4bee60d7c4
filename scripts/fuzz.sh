#!/bin/sh
# make fuzz: random guests and all qtests on a QEMU with sanitizers.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A second build directory, build/qemu-sanitize, has the address and undefined
# behaviour sanitizers. On it run: the random guests (pcie-fabric-fuzz and
# ipmi-fuzz), each for RIG_FUZZ_SECONDS (default 60) from RIG_FUZZ_SEED (default:
# today's date) on, and every qtest; or only those that match RIG_FUZZ_ONLY. Any
# report of a sanitizer is fatal. The last line is "N passed, N failed".

. "$(dirname "$0")/lib.sh"

RIG_FUZZ_SECONDS=${RIG_FUZZ_SECONDS:-60}
RIG_FUZZ_SEED=${RIG_FUZZ_SEED:-$(date +%Y%m%d)}
RIG_FUZZ_ONLY=${RIG_FUZZ_ONLY:-*}
export RIG_FUZZ_SECONDS RIG_FUZZ_SEED
# For scripts/guard.py, the watchdog of each qtest: this build is slow.
RIG_GUARD_SCALE=10
RIG_GUARD_EXTRA=$RIG_FUZZ_SECONDS
export RIG_GUARD_SCALE RIG_GUARD_EXTRA
export ASAN_OPTIONS=halt_on_error=1:abort_on_error=1:detect_leaks=0
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

build=$RIG_BUILD/qemu-sanitize
results=$RIG_BUILD/results
mkdir -p "$results"

# The first line of build/configured is what QEMU's configure was asked.
command=$(head -n 1 "$RIG_BUILD/configured")
if [ "$(cat "$build/configured" 2>/dev/null)" != "$command" ]; then
    need_space 4000 "the build with sanitizers"
    rm -rf "$build"
    mkdir -p "$build"
    cd "$build"
    eval "run_logged sanitize-configure 'configuring QEMU with sanitizers'" \
        "$command --enable-asan --enable-ubsan"
    cd "$RIG_TOP"
    printf '%s\n' "$command" >"$build/configured"
fi
run_logged sanitize-build "building QEMU with sanitizers" \
    ninja -C "$build" qemu-system-aarch64 qemu-img rig-qtests

status=0
say "$RIG_FUZZ_SECONDS seconds of each random guest, first seed" \
    "$RIG_FUZZ_SEED, and the qtests (log: build/logs/fuzz.log)"
(cd "$build" && pyvenv/bin/meson test --no-rebuild --print-errorlogs \
        --timeout-multiplier 0 --num-processes "$(nproc)" \
        "qtest-rig/$RIG_FUZZ_ONLY") \
    >"$RIG_BUILD/logs/fuzz.log" 2>&1 ||
    { status=1; cat "$RIG_BUILD/logs/fuzz.log"; }
cp "$build/meson-logs/testlog.junit.xml" "$results/fuzz.xml"
python3 "$RIG_TOP/scripts/sum-results.py" "$results" fuzz || status=1
exit $status
