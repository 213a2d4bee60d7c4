#!/bin/sh
# Put the QEMU source tree in place: build/src/qemu, unpacked and pristine.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: qemu-source.sh [--from=DIR | --newest | --unpack-to=DIR]
# Without an option: the newest 10.0.x source package of Debian 13. A tree that
# is there already stays, so that a build directory keeps its version; remove
# build/src (make distclean) to take a newer one.
#   --from=DIR       a copy of the tree DIR instead
#   --newest         only print the newest version that the archive has
#   --unpack-to=DIR  only unpack that version there

. "$(dirname "$0")/lib.sh"

from=
only=
for arg; do
    case $arg in
    --from=*) from=${arg#*=} ;;
    --newest|--unpack-to=*) only=$arg ;;
    *) die "qemu-source.sh: unknown option '$arg'" ;;
    esac
done

series=$(cat "$RIG_TOP/upstream/SERIES")
src=$RIG_BUILD/src
tree=$src/qemu

check_series() { # VERSION WHERE
    case $1 in
    "$series".*) ;;
    *) die "$2 is QEMU $1; qemu-rig is built on $series.x only" ;;
    esac
}

# The newest version of the series that the archive still has.
newest_in_archive() {
    version=$(APT_CONFIG=$RIG_BUILD/apt/apt.conf \
            apt-cache showsrc --only-source qemu 2>/dev/null |
        sed -n 's/^Version: //p' | grep "^[0-9]*:$series\." | sort -V | tail -n 1)
    [ -n "$version" ] ||
        die "Debian 13 offers no QEMU $series.x source package any more: give a" \
            "tree of your own with ./configure --qemu-source=DIR"
    printf '%s\n' "$version"
}

fetch_source() { # VERSION
    APT_CONFIG=$RIG_BUILD/apt/apt.conf \
        apt-get source --download-only --only-source "qemu=$1"
}

unpack_debian() { # VERSION DIR
    rm -rf "$2" "$2.download"
    mkdir -p "$2.download"
    cd "$2.download"
    run_logged qemu-download "fetching QEMU $1" fetch_source "$1"
    run_logged qemu-unpack "unpacking QEMU $1" \
        dpkg-source --no-check --no-copy -x qemu_*.dsc "$2"
    cd "$RIG_TOP"
    rm -rf "$2.download"
}

copy_tree() { # DIR
    [ -f "$1/VERSION" ] && [ -f "$1/meson.build" ] ||
        die "--qemu-source=$1 is not a QEMU source tree (no VERSION, meson.build)"
    check_series "$(cat "$1/VERSION")" "--qemu-source=$1"
    need_space 6000 "QEMU's source and build"
    rm -rf "$src/new"
    mkdir -p "$src/new"
    # A copy, since ours gets links and inserted lines.
    run_logged qemu-copy "copying the QEMU tree $1" \
        cp -a --reflink=auto "$1" "$src/new/qemu"
    printf '%s\n' "copy of $1" >"$src/new/origin"
}

case $only in
--newest) newest_in_archive; exit 0 ;;
--unpack-to=*) unpack_debian "$(newest_in_archive)" "${only#*=}"; exit 0 ;;
esac

origin=$(cat "$src/origin" 2>/dev/null || :)
if [ -d "$tree" ] && { [ -z "$from" ] || [ "$origin" = "copy of $from" ]; }; then
    check_series "$(cat "$tree/VERSION")" "$tree"
    exit 0
fi

if [ -n "$from" ]; then
    copy_tree "$from"
else
    need_space 6000 "QEMU's source and build"
    version=$(newest_in_archive)
    rm -rf "$src/new"
    unpack_debian "$version" "$src/new/qemu"
    printf '%s\n' "Debian source package qemu $version" >"$src/new/origin"
fi
check_series "$(cat "$src/new/qemu/VERSION")" "the new source tree"
# Prepared beside; two renames put it in place. Whatever was there goes.
rm -rf "$tree" "$src/pristine"
mv "$src/new/origin" "$src/origin"
mv "$src/new/qemu" "$tree"
rm -rf "$src/new"
say "source: QEMU $(cat "$tree/VERSION") ($(cat "$src/origin"))"
