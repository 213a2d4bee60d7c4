#!/bin/sh
# Graft our tree onto the QEMU source tree in build/src/qemu.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: graft.sh [--check TREE]
#
# The graft is a link  rig -> checkout, the links of upstream/links, and the
# inserted lines of upstream/*.patch. For each patched file a pristine copy is
# kept in build/src/pristine; every run builds the file anew from it and
# replaces it only if it differs. So a run that was interrupted is mended by
# the next, a changed series is taken up without unpacking QEMU again, and a
# run with nothing to do touches nothing.
#
# --check TREE: only say whether the series applies to TREE.

. "$(dirname "$0")/lib.sh"

tree=$RIG_BUILD/src/qemu
pristine=$RIG_BUILD/src/pristine
check=no
if [ "${1:-}" = --check ]; then
    check=yes
    tree=${2:?graft.sh: --check needs a tree}
    pristine=$tree/no-pristine-copies
fi
work=$RIG_BUILD/src/graft.work

patched_files() { # PATCH...
    sed -n 's,^+++ b/,,p' "$@" | sort -u
}

# Fresh copies of all patched files in $work.
lay_out() {
    rm -rf "$work"
    patched_files "$@" | while IFS= read -r f; do
        mkdir -p "$work/$(dirname "$f")"
        if [ -f "$pristine/$f" ]; then
            cp -p "$pristine/$f" "$work/$f"
        elif [ -f "$tree/$f" ]; then
            cp -p "$tree/$f" "$work/$f"
        else
            die "QEMU $(cat "$tree/VERSION") has no $f, which" \
                "$(grep -l "^+++ b/$f\$" "$@" | head -n 1) patches"
        fi
    done
}

apply() { # PATCH...
    for p; do
        out=$(patch -d "$work" -p1 -F0 --no-backup-if-mismatch -r - -s -f \
                <"$p" 2>&1) ||
            die "upstream/${p##*/} does not apply to QEMU" \
                "$(cat "$tree/VERSION"): $out"
    done
}

# Put a file in place only if it changed, keeping what it was before ours.
settle() {
    find "$work" -type f | while IFS= read -r new; do
        f=${new#"$work"/}
        if [ ! -f "$pristine/$f" ]; then
            mkdir -p "$pristine/$(dirname "$f")"
            cp -p "$tree/$f" "$pristine/$f.new"
            mv "$pristine/$f.new" "$pristine/$f"
        fi
        cmp -s "$new" "$tree/$f" || mv "$new" "$tree/$f"
    done
    # A file that no patch names any more goes back to what it was.
    [ -d "$pristine" ] || return 0
    find "$pristine" -type f | while IFS= read -r old; do
        f=${old#"$pristine"/}
        if [ ! -e "$work/$f" ] && ! patched_files "$@" | grep -qxF "$f"; then
            cp "$old" "$tree/$f"
            rm "$old"
        fi
    done
}

link() { # TARGET NAME
    [ "$(readlink "$tree/$2" 2>/dev/null)" = "$1" ] || ln -sfn "$1" "$tree/$2"
}

make_links() {
    link "$RIG_TOP" rig
    # Each line of upstream/links:  NAME-IN-QEMU  FILE-OF-OURS
    sed -e 's/#.*//' -e '/^ *$/d' "$RIG_TOP/upstream/links" |
        while read -r name ours; do
            up=$(dirname "$name" | sed 's,[^/][^/]*,..,g')
            link "$up/rig/$ours" "$name"
        done
}

set -- "$RIG_TOP"/upstream/*.patch
lay_out "$@"
apply "$@"
if [ "$check" = yes ]; then
    rm -rf "$work"
    say "the $# patches of upstream/ apply to QEMU $(cat "$tree/VERSION")"
    exit 0
fi
settle "$@"
make_links
rm -rf "$work"
