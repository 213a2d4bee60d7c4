#!/bin/sh
# Debian 13's own QEMU 10.0, unpacked beside ours to be compared with.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: stock-qemu.sh
# Nothing is installed on the host: the packages and all their libraries, the
# C library included, are unpacked in build/stock, so that this also works on
# Debian 12. Prints the path of a wrapper to be called like the real thing.

. "$(dirname "$0")/lib.sh"
. "$RIG_TOP/scripts/deb-tree.sh"

stock=$RIG_BUILD/stock
wrapper=$stock/qemu-system-aarch64

write_wrapper() { # FILE
    cat >"$1" <<'WRAPPER'
#!/bin/sh
# Written by scripts/stock-qemu.sh: Debian's QEMU with its own libraries.
root=$(dirname "$(readlink -f "$0")")/root
libs=
for dir in "$root"/usr/lib/*-linux-gnu "$root"/usr/lib/*-linux-gnu/pulseaudio; do
    libs=$libs${libs:+:}$dir
done
for loader in "$root"/usr/lib64/ld-linux-*.so.2 \
              "$root"/usr/lib/ld-linux-*.so.1; do
    [ ! -f "$loader" ] || break
done
exec "$loader" --library-path "$libs" \
    "$root/usr/bin/qemu-system-aarch64" -L "$root/usr/share/qemu" \
    -L "$root/usr/lib/ipxe/qemu" "$@"
WRAPPER
    chmod +x "$1"
}

if [ ! -x "$wrapper" ]; then
    "$RIG_TOP/scripts/apt-root.sh"
    need_space 1500 "Debian's own QEMU"
    deb_tree stock-qemu "Debian's own QEMU" "$(dpkg --print-architecture)" \
        "$stock" qemu-system-arm ipxe-qemu
    write_wrapper "$stock.new/qemu-system-aarch64"
    version=$("$stock.new/qemu-system-aarch64" --version | head -n 1) ||
        die "Debian's QEMU does not run from $stock.new; see the lines above"
    case $version in
    *"version $(cat "$RIG_TOP/upstream/SERIES")."*) ;;
    *) die "Debian 13 now offers '$version': nothing to compare with" ;;
    esac
    rm -rf "$stock"
    mv "$stock.new" "$stock"
fi
printf '%s\n' "$wrapper"
