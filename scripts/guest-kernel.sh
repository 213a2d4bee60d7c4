#!/bin/sh
# Fetch and unpack one of Debian's unmodified arm64 kernels for the guests.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: guest-kernel.sh SPEC...
#   stable   the newest kernel of Debian 13 itself (6.12.x)
#   latest   the newest kernel that can really be had, backports included
#   6.12     the newest kernel whose version starts so
#
# Result: build/guest/kernels/VERSION/Image and .../modules (a tree as
# INSTALL_MOD_PATH makes it). Which VERSION a SPEC stands for is written to
# build/guest/kernels/SPEC.version, and printed: "SPEC VERSION DIRECTORY".

. "$(dirname "$0")/lib.sh"

kernels=$RIG_BUILD/guest/kernels
apt_conf=$RIG_BUILD/apt/apt.conf
# A suite may list many kernels whose files are gone; do not try them all.
max_tries=6

private_apt() {
    env APT_CONFIG="$apt_conf" "$@"
}

# Every version with the plain arm64 flavour, newest first. From 7.x on the
# kernel proper is in linux-binary-V, or in linux-binary-unsigned-V while the
# signed package is still being made.
list_versions() { # PREFIX, or nothing for all
    sed -E -n 's/^linux-(image|binary|binary-unsigned)-([0-9][^-]*-arm64)$/\2/p' \
        "$kernels/names" |
        awk -v p="$1" 'p == "" || (index($0, p) == 1 && substr($0, length(p) + 1, 1) ~ /^[.+]/)' |
        sort -Vru
}

known() { # PACKAGE: does the archive's list have it?
    grep -qxF "$1" "$kernels/names"
}

# The packages of one kernel, one set a line, the preferred set first.
package_sets() { # VERSION
    if known "linux-image-$1"; then
        # What the image package itself wants of the kernel's files; nothing
        # for kernels that are not split.
        parts=$(private_apt apt-cache depends --important "linux-image-$1:arm64" |
            sed -E -n 's/^[ |]*Depends: (linux-(binary|modules)-[^: ]*).*/\1/p')
        # shellcheck disable=SC2086  # one word a package
        echo "linux-image-$1" $parts
    fi
    for p in "linux-binary-$1" "linux-binary-unsigned-$1"; do
        if known "$p" && known "linux-modules-$1"; then
            echo "$p linux-modules-$1"
        fi
    done
}

fetch_set() { # DIRECTORY PACKAGE...
    cd "$1" || return
    shift
    for p; do
        set -- "$@" "$p:arm64"
        shift
    done
    # Failure is an answer here: the next set or version is tried.
    if private_apt apt-get download "$@"; then
        : >fetched
    fi
}

unpack_set() { # DIRECTORY: packages in download/, to root/
    for deb in "$1"/download/*.deb; do
        dpkg-deb --fsys-tarfile "$deb" |
            tar -x -C "$1/root" --exclude='./usr/share/*' --exclude='*.dtb'
    done
}

# QEMU boots a raw Image; what Debian ships is one today, but a distribution
# may compress it, and QEMU knows not every compression.
place_image() { # FILE IMAGE
    case $(od -A n -t x1 -N 8 "$1" | tr -d ' ') in
    1f8b*) gzip -dc <"$1" >"$2" ;;
    *) cp "$1" "$2" ;;
    esac
    case $(od -A n -t x1 -j 56 -N 4 "$2" | tr -d ' ') in
    41524d64) return ;;
    esac
    case $(od -A n -t x1 -j 4 -N 4 "$2" | tr -d ' ') in
    7a696d67) ;; # an EFI zboot image: QEMU unpacks it by itself
    *) die "$1 is no arm64 kernel image that QEMU could boot" ;;
    esac
}

# Modules without compression: a guest under TCG needs seconds to unpack them.
prepare_modules() { # ROOT MODULES VERSION
    mkdir -p "$2/lib/modules"
    if [ -d "$1/usr/lib/modules/$3" ]; then
        mv "$1/usr/lib/modules/$3" "$2/lib/modules/$3"
    else
        mv "$1/lib/modules/$3" "$2/lib/modules/$3"
    fi
    find "$2" -name '*.ko.xz' -print0 |
        xargs -0 -r -n 32 -P "$(nproc)" xz -d
    find "$2" -name '*.ko.zst' -print0 |
        xargs -0 -r -n 32 -P "$(nproc)" zstd -q -d --rm
    depmod -b "$2" "$3"
}

find_image() { # ROOT VERSION
    for f in "$1/boot/vmlinuz-$2" "$1/usr/lib/modules/$2/vmlinuz" \
             "$1/usr/lib/modules/$2/vmlinuz.unsigned"; do
        if [ -f "$f" ]; then
            printf '%s\n' "$f"
            return
        fi
    done
    die "the packages of kernel $2 hold no vmlinuz where Debian used to put it"
}

build_tree() { # DIRECTORY VERSION
    unpack_set "$1"
    image=$(find_image "$1/root" "$2")
    place_image "$image" "$1/tree/Image"
    rm -f "$image"
    for f in "$1/root/boot/config-$2" "$1/root/usr/lib/modules/$2/config"; do
        if [ -f "$f" ]; then
            mv "$f" "$1/tree/config"
        fi
    done
    prepare_modules "$1/root" "$1/tree/modules" "$2"
}

# Make kernels/VERSION; status 1 when the archive no longer has its files.
install_version() { # VERSION
    [ ! -d "$kernels/$1" ] || return 0
    need_space 1500 "the guest kernel $1"
    new=$kernels/new
    package_sets "$1" >"$kernels/sets"
    while read -r set; do
        rm -rf "$new"
        mkdir -p "$new/download" "$new/root" "$new/tree"
        # shellcheck disable=SC2086  # one word a package
        run_logged "guest-kernel-$1-fetch" "fetching $set" \
            fetch_set "$new/download" $set
        if [ -e "$new/download/fetched" ]; then
            run_logged "guest-kernel-$1-unpack" "unpacking the kernel $1" \
                build_tree "$new" "$1"
            mv "$new/tree" "$kernels/$1"
            rm -rf "$new"
            return 0
        fi
        warn "Debian lists $set, but it cannot be fetched" \
            "(build/logs/guest-kernel-$1-fetch.log)"
    done <"$kernels/sets"
    rm -rf "$new"
    return 1
}

resolve() { # SPEC: print the version, installed
    case $1 in
    stable) prefix=6.12 ;;
    latest) prefix= ;;
    [0-9]*) prefix=$1 ;;
    *) die "guest-kernel.sh: '$1' is neither stable, latest nor a version" ;;
    esac
    private_apt apt-cache pkgnames >"$kernels/names"
    list_versions "$prefix" >"$kernels/versions"
    [ -s "$kernels/versions" ] ||
        die "Debian has no arm64 kernel $prefix; it has:" \
            "$(list_versions '' | head -n 5 | tr '\n' ' ')..."
    tries=0
    while read -r version <&3 && [ "$tries" -lt "$max_tries" ]; do
        tries=$((tries + 1))
        if install_version "$version"; then
            [ "$tries" -eq 1 ] ||
                warn "taking $version as the kernel '$1'"
            printf '%s\n' "$version" >"$kernels/$1.version.new"
            mv "$kernels/$1.version.new" "$kernels/$1.version"
            return
        fi
    done 3<"$kernels/versions"
    die "no kernel for '$1' could be fetched; is the network up?" \
        "See build/logs/guest-kernel-*-fetch.log"
}

# Still good: resolved since the package lists were read, and complete (the
# directory appears by rename only).
resolved() { # SPEC
    [ -f "$kernels/$1.version" ] &&
        [ -z "$(find "$RIG_BUILD/apt/ready" -newer "$kernels/$1.version")" ] &&
        [ -d "$kernels/$(cat "$kernels/$1.version")" ]
}

[ $# -gt 0 ] || die "usage: guest-kernel.sh stable|latest|VERSION-PREFIX ..."
mkdir -p "$kernels"
for tool in depmod xz flock dpkg-deb; do
    PATH=$PATH:/sbin:/usr/sbin command -v "$tool" >/dev/null ||
        die "$tool is missing: run ./configure, which installs what is needed"
done
PATH=$PATH:/sbin:/usr/sbin

# One at a time; the lock goes with the process.
exec 9>"$kernels/lock"
flock 9
for spec; do
    if ! resolved "$spec"; then
        "$RIG_TOP/scripts/apt-root.sh"
        resolve "$spec"
    fi
    version=$(cat "$kernels/$spec.version")
    echo "$spec $version $kernels/$version"
done
