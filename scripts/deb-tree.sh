# Directory trees from Debian packages, nothing installed; to be sourced after
# lib.sh.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
#
# shellcheck shell=sh

# apt's answer for a machine of the given architecture on which nothing is
# installed: the packages and everything that they depend on.
apt_closure() { # ARCH DIRECTORY PACKAGE...
    arch=$1
    archives=$2
    shift 2
    mkdir -p "$archives/partial"
    env APT_CONFIG="$RIG_BUILD/apt/apt.conf" apt-get install -y \
        --no-install-recommends --download-only \
        -o APT::Architecture="$arch" -o Dir::Cache::archives="$archives" "$@"
}

unpack_debs() { # DIRECTORY-OF-DEBS ROOT
    mkdir -p "$2"
    for deb in "$1"/*.deb; do
        # Documentation is most of the files and of no use here.
        dpkg-deb --fsys-tarfile "$deb" |
            tar -x -C "$2" --exclude='./usr/share/doc/*' \
                --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*' \
                --exclude='./usr/share/info/*' --keep-directory-symlink ||
            return
    done
}

# deb_tree LOGNAME WHAT ARCH DESTINATION PACKAGE...: make DESTINATION hold
# root/ (unpacked) and versions (what was taken). Prepared beside, then renamed
# by the caller, who may prune it first: it is left in DESTINATION.new.
deb_tree() {
    name=$1
    label=$2
    architecture=$3
    new=$4.new
    shift 4
    rm -rf "$new"
    mkdir -p "$new/debs"
    run_logged "$name-fetch" "fetching $label" \
        apt_closure "$architecture" "$new/debs" "$@"
    run_logged "$name-unpack" "unpacking $label" \
        unpack_debs "$new/debs" "$new/root"
    for deb in "$new"/debs/*.deb; do
        basename "$deb" .deb
    done >"$new/versions"
    rm -rf "$new/debs"
}
