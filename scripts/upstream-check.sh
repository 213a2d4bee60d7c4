#!/bin/sh
# Does upstream/ apply to the newest QEMU of the series that Debian has?
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Also says how many lines we insert, and fails if a patch changes or deletes
# a line, or if all of them together insert more than 30.

. "$(dirname "$0")/lib.sh"

limit=30
inserted=$(cat "$RIG_TOP"/upstream/*.patch | grep -v '^+++ ' | grep -c '^+' || :)
deleted=$(cat "$RIG_TOP"/upstream/*.patch | grep -v '^--- ' | grep -c '^-' || :)
say "upstream/ inserts $inserted lines and deletes $deleted"
[ "$deleted" -eq 0 ] || die "upstream/ deletes or changes $deleted lines: only insertions are allowed"
[ "$inserted" -le "$limit" ] || die "upstream/ inserts $inserted lines: at most $limit are allowed"

"$RIG_TOP/scripts/apt-root.sh" --refresh
tmp=$RIG_BUILD/upstream-check
rm -rf "$tmp"
mkdir -p "$tmp"
trap 'rm -rf "$tmp"' EXIT
newest=$("$RIG_TOP/scripts/qemu-source.sh" --newest)
say "newest in Debian 13: $newest; this build is on $(cat "$RIG_BUILD/src/qemu/VERSION")"
"$RIG_TOP/scripts/qemu-source.sh" --unpack-to="$tmp/qemu"
"$RIG_TOP/scripts/graft.sh" --check "$tmp/qemu"
