#!/bin/sh
# Install the host packages that are missing, if we may.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: host-packages.sh [--no-install] [PACKAGE...]
# PACKAGEs are wanted besides those of configs/host-packages.

. "$(dirname "$0")/lib.sh"

install=yes
wanted=$(sed -n 's/^\([a-z0-9][^ ]*\) .*/\1/p' "$RIG_TOP/configs/host-packages")
for arg; do
    case $arg in
    --no-install) install=no ;;
    -*) die "host-packages.sh: unknown option '$arg'" ;;
    *) wanted="$wanted $arg" ;;
    esac
done

command -v dpkg-query >/dev/null ||
    die "this is no Debian (there is no dpkg-query): Containerfile makes an image" \
        "of Debian 13 that has all, see README.md"

missing_packages() {
    for p in $wanted; do
        dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null |
            grep -qx installed || printf '%s ' "$p"
    done
}

missing=$(missing_packages)
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
    root=
elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
    root=sudo
    # Ask for the password here, where the user can see the question.
    sudo -v || install=no
else
    install=no
fi
[ "$install" = yes ] ||
    die "these packages are missing and this user may not install them;" \
        "run as root:  apt-get install $missing"

say "missing on this machine, to be installed${root:+ with sudo}: $missing"

apt_install() {
    # shellcheck disable=SC2086  # one word a package, and maybe no sudo
    $root env DEBIAN_FRONTEND=noninteractive apt-get install -y \
        --no-install-recommends $missing && return
    # The machine's package lists may be older than its mirror.
    $root apt-get update &&
        $root env DEBIAN_FRONTEND=noninteractive apt-get install -y \
            --no-install-recommends $missing
}
run_logged host-packages "installing host packages: $missing" apt_install
