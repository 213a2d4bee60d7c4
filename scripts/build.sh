#!/bin/sh
# Build the emulator and its tools, or the ninja targets that are named.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later

. "$(dirname "$0")/lib.sh"

# ninja does not mind a second one in the same directory, and should.
exec 9>"$RIG_BUILD/build.lock"
flock -n 9 || { say "another build is at work in $RIG_BUILD: waiting for it"; flock 9; }

[ $# -gt 0 ] || set -- qemu-system-aarch64 qemu-img qemu-io
# QEMU writes its version header anew each time, three steps at most; only what
# takes longer is worth a word.
steps=$(ninja -C "$RIG_BUILD/qemu" -n "$@" 2>/dev/null | grep -c '^\[') || steps=0
if [ "$steps" -le 3 ]; then
    ninja -C "$RIG_BUILD/qemu" --quiet "$@"
else
    run_logged qemu-build "building $1" ninja -C "$RIG_BUILD/qemu" "$@"
fi
