#!/bin/sh
# The guests' user land: a few ordinary tools of Debian 13 for arm64.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: guest-userland.sh
# Result: build/guest/userland/base (busybox, pciutils) and
# build/guest/userland/ipmi (what ipmitool and FreeIPMI need besides). They are
# trees; tests/guest/run.py makes initramfs images of them.

. "$(dirname "$0")/lib.sh"
. "$RIG_TOP/scripts/deb-tree.sh"

userland=$RIG_BUILD/guest/userland
base_packages="busybox-static pciutils"
ipmi_packages="ipmitool freeipmi-tools"
# Raise this when the trees would come out different: they are made again.
recipe=2

# Every byte is copied by a CPU that is emulated; keep what a test can use.
prune() { # ROOT
    (
        cd "$1" || exit
        rm -rf usr/share/bug usr/share/lintian usr/share/debconf \
            usr/share/perl5 usr/share/doc-base usr/share/initramfs-tools \
            usr/share/bash-completion usr/share/bugs usr/share/gcc* \
            usr/share/common-licenses usr/share/apport usr/share/readline \
            usr/share/ipmitool usr/share/lib* usr/share/zsh \
            usr/lib/systemd usr/lib/init usr/lib/tmpfiles.d \
            usr/lib/modprobe.d usr/lib/*/gconv usr/lib/*/audit \
            usr/lib/*/engines-3 usr/lib/*/ossl-modules usr/lib/locale \
            usr/lib/*/perl* usr/share/misc/enterprise-numbers.txt \
            usr/sbin/bmc-watchdog usr/bin/ldd usr/bin/locale* \
            usr/bin/perl* usr/bin/openssl etc/init.d etc/default etc/logcheck \
            var boot dev proc sys run tmp
        # Only one kernel boots here, and it loads modules with insmod.
        rm -f usr/sbin/ldconfig* usr/sbin/update-pciids usr/bin/pldd \
            usr/bin/kmod usr/sbin/depmod usr/sbin/modprobe usr/sbin/modinfo \
            usr/sbin/insmod usr/sbin/rmmod usr/sbin/lsmod usr/bin/lsmod
        find . -type d -empty -delete
    )
}

# The usual links into /usr, whatever the packages brought.
merge_usr() { # ROOT
    for dir in bin sbin lib; do
        if [ -d "$1/$dir" ] && [ ! -L "$1/$dir" ]; then
            mkdir -p "$1/usr/$dir"
            cp -a "$1/$dir/." "$1/usr/$dir/"
            rm -rf "${1:?}/$dir"
        fi
        mkdir -p "$1/usr/$dir"
        ln -sfn "usr/$dir" "$1/$dir"
    done
    ln -sfn busybox "$1/usr/bin/sh"
}

# The second tree holds only what the first one has not.
subtract() { # ROOT BASE
    (cd "$2" && find . ! -type d -print) | while IFS= read -r file; do
        rm -f "$1/$file"
    done
    find "$1" -type d -empty -delete
}

if [ "$(cat "$userland/recipe" 2>/dev/null)" = "$recipe" ]; then
    exit 0
fi
"$RIG_TOP/scripts/apt-root.sh"
need_space 500 "the guests' user land"
mkdir -p "$RIG_BUILD/guest"
work=$userland.new
rm -rf "$work"
mkdir -p "$work"
# shellcheck disable=SC2086  # one word a package
deb_tree guest-userland "the guests' tools" arm64 "$work/base" $base_packages
# shellcheck disable=SC2086
deb_tree guest-ipmi "the guests' IPMI tools" arm64 "$work/ipmi" \
    $base_packages $ipmi_packages
for tree in base ipmi; do
    prune "$work/$tree.new/root"
    merge_usr "$work/$tree.new/root"
    mv "$work/$tree.new/root" "$work/$tree"
    mv "$work/$tree.new/versions" "$work/$tree.versions"
    rm -rf "$work/$tree.new"
done
subtract "$work/ipmi" "$work/base"
for tool in busybox lspci setpci; do
    [ -x "$work/base/usr/bin/$tool" ] ||
        die "Debian's packages hold no /usr/bin/$tool any more:" \
            "see build/logs/guest-userland-unpack.log"
done
echo "$recipe" >"$work/recipe"
rm -rf "$userland"
mv "$work" "$userland"
say "guest user land: $(du -sm "$userland/base" | cut -f 1) MiB, with the IPMI" \
    "tools $(du -scm "$userland/base" "$userland/ipmi" | tail -n 1 | cut -f 1) MiB"
