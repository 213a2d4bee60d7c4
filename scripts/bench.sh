#!/bin/sh
# make bench: every benchmark of tests/bench, one after the other.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Each prints ratios measured in one run, and fails when its bar is missed.

. "$(dirname "$0")/lib.sh"

status=0
for bench in "$RIG_TOP"/tests/bench/*.py; do
    say "bench: $(basename "$bench" .py)"
    python3 "$bench" || status=1
done
exit $status
