#!/bin/sh
# Put the firmware that QEMU looks for into build/firmware.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Debian's QEMU source package has no blobs; their own packages, which are
# architecture-independent, do: network boot ROMs, without which a machine with
# its default NIC does not even start, and EDK2 for a boot with ACPI
# (-bios QEMU_EFI.fd).

. "$(dirname "$0")/lib.sh"

dir=$RIG_BUILD/firmware
packages="ipxe-qemu qemu-efi-aarch64"
[ "$(cat "$dir/packages" 2>/dev/null)" != "$packages" ] || exit 0

fetch() {
    mkdir -p "$dir.new/deb"
    cd "$dir.new/deb"
    for p in $packages; do
        APT_CONFIG=$RIG_BUILD/apt/apt.conf apt-get download "$p"
    done
    # Only these files: EDK2's package unpacks to 400 MiB.
    dpkg-deb --fsys-tarfile ipxe-qemu_*.deb |
        tar -x -C "$dir.new" --strip-components=4 --wildcards \
            './usr/share/qemu/*.rom'
    dpkg-deb --fsys-tarfile qemu-efi-aarch64_*.deb |
        tar -x -C "$dir.new" --strip-components=4 \
            ./usr/share/qemu-efi-aarch64/QEMU_EFI.fd
    cd "$RIG_TOP"
    rm -rf "$dir.new/deb"
}

rm -rf "$dir.new" "$dir"
run_logged firmware "fetching firmware: $packages" fetch
printf '%s\n' "$packages" >"$dir.new/packages"
mv "$dir.new" "$dir"
