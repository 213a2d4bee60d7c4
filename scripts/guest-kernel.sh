#!/bin/sh
# Fetch and unpack one of Debian's unmodified arm64 kernels for the guests.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: guest-kernel.sh SPEC...
#   stable        the kernel of Debian 13 itself: what its linux-image-arm64 wants
#   latest        the newest kernel of Debian 13 or its backports
#   sid           the newest kernel of Debian's unstable suite
#   experimental  the newest kernel of its experimental suite: release
#                 candidates, while there are some
#   7.3, 7.3.4, 7.4-rc2
#                 the newest kernel whose version starts so, from the first of
#                 Debian 13 with backports, sid and experimental that has one
#   7.3.4+deb13-arm64
#                 that one
# Each may be followed by a flavour: stable-16k, 7.3-rt, sid-cloud. The long
# names (arm64-16k, rt-arm64) are taken as well; "arm64" is the default.
#
# Result: build/guest/kernels/VERSION/Image and .../modules (a tree as
# INSTALL_MOD_PATH makes it). Which VERSION a SPEC stands for is written to
# build/guest/kernels/SPEC.version, and printed: "SPEC VERSION DIRECTORY".
# VERSION is what "uname -r" says, but for release candidates: Debian calls all
# those of 7.4 7.4-arm64, and here they are 7.4-rc2-arm64 and so on.

# shellcheck disable=SC2154  # log, logged_status: set by try_logged
. "$(dirname "$0")/lib.sh"

kernels=$RIG_BUILD/guest/kernels
# A suite may list many kernels whose files are gone; do not try them all.
max_tries=6

private_apt() {
    env APT_CONFIG="$root/apt.conf" "$@"
}

# --- what there is ------------------------------------------------------------

# Of the packages of kernels in the lists of the present root, one a line:
# SUITE PACKAGE VERSION and the kernel packages that it depends on.
read_packages() {
    # shellcheck disable=SC2016  # for apt to expand
    private_apt apt-get indextargets --format '$(RELEASE) $(FILENAME)' \
            'Created-By: Packages' 'Architecture: arm64' |
        while read -r suite file; do
            private_apt /usr/lib/apt/apt-helper cat-file "$file" |
                awk -v suite="$suite" '
                /^Package: / { name = $2 }
                /^Version: / { version = $2 }
                /^Depends: / { depends = substr($0, 10) }
                /^$/ {
                    if (name ~ /^linux-(image|binary|modules)-.*arm64/ &&
                        name !~ /-(dbg|template)$/) {
                        parts = ""
                        n = split(depends, d, /[,|] */)
                        for (i = 1; i <= n; i++) {
                            sub(/[ :].*/, "", d[i])
                            if (d[i] ~ /^linux-(image|binary|modules)-/)
                                parts = parts " " d[i]
                        }
                        print suite, name, version parts
                    }
                    depends = ""
                }'
        done
}

# The kernels among them, newest first:
# NAME RELEASE FLAVOUR VERSION-OF-PACKAGE SUITE MISSING
# From 7.x on the kernel proper is in linux-binary-RELEASE, or in
# linux-binary-unsigned-RELEASE while the signed package is still being made.
# MISSING is "-", or a package without which there is no using it: the signed
# packages of a kernel stay in backports longer than its modules do.
read_kernels() { # PACKAGES
    awk '
    NR == FNR {
        have[$2] = 1
        parts[$2] = ""
        for (i = 4; i <= NF; i++)
            parts[$2] = parts[$2] " " $i
        next
    }
    $2 ~ /^linux-(image|binary|binary-unsigned)-[0-9]/ && $2 !~ /-unsigned$/ {
        release = $2
        sub(/^linux-(image|binary-unsigned|binary)-/, "", release)
        match(release, /^[^-]*(-rc[0-9]+)?/)
        number = substr(release, 1, RLENGTH)
        flavour = substr(release, RLENGTH + 2)
        if (number !~ /-rc/ && match($3, /~rc[0-9]+/))
            number = number "-" substr($3, RSTART + 1, RLENGTH - 1)
        missing = "-"
        image = "linux-image-" release
        n = split(image parts[image], wanted, " ")
        for (i = 1; i <= n; i++)
            if (!(wanted[i] in have))
                missing = wanted[i]
        if (("linux-modules-" release) in have &&
            (("linux-binary-" release) in have ||
             ("linux-binary-unsigned-" release) in have))
            missing = "-"
        print number "-" flavour, release, flavour, $3, $1, missing
    }' "$1" "$1" | sort -u | sort -k 4,4Vr -k 5,5
}

# Make build/apt (SUITES is "debian13"), build/apt-sid or build/apt-experimental
# the present root, with packages-SUITES and table-SUITES written.
enter() { # SUITES [--refresh]
    suites=$1
    shift
    if [ "$suites" = debian13 ]; then
        root=$RIG_BUILD/apt
        "$RIG_TOP/scripts/apt-root.sh" "$@"
    else
        root=$RIG_BUILD/apt-$suites
        "$RIG_TOP/scripts/apt-root.sh" --suite="$suites" "$@"
    fi
    packages=$kernels/packages-$suites
    table=$kernels/table-$suites
    if [ ! -f "$table" ] || [ -n "$(find "$root/ready" -newer "$table")" ]; then
        read_packages >"$packages"
        read_kernels "$packages" >"$table.new"
        mv "$table.new" "$table"
    fi
}

known() { # PACKAGE: do the lists of the present root have it?
    awk -v p="$1" '$2 == p { found = 1 } END { exit !found }' "$packages"
}

# Flavour "16k" is Debian's arm64-16k, "rt" its rt-arm64.
select_flavour() { # FLAVOUR: of the table
    awk -v f="$1" '$3 == f || $3 == "arm64-" f || $3 == f "-arm64"' "$table"
}

whole() { # of lines like the table's
    awk '$6 == "-"'
}

select_version() { # PREFIX: of lines like the table's
    awk -v p="$1" 'index($1, p) == 1 && substr($1, length(p) + 1) ~ /^[-.+~]/'
}

# Debian 13's own series: what its metapackage depends on says which it is, so
# that nothing here has to know a number. Older ones of that series may stand in.
select_stable() { # FLAVOUR: of the table
    full=$(select_flavour "$1" | awk 'NR == 1 { print $3 }')
    wanted=$(awk -v m="linux-image-$full" '
        $1 !~ /backports/ && $2 == m { print $3, substr($4, 13) }' "$packages" |
        sort -Vr | awk 'NR == 1 { print $2 }')
    series=$(printf '%s\n' "$wanted" | sed -E -n 's/^([0-9]+\.[0-9]+).*/\1/p')
    [ -n "$series" ] || return 0
    select_flavour "$1" | whole | awk '$5 !~ /backports/' |
        select_version "$series"
}

# "7.3 7.2 7.1", of what is there of a table.
series_of() { # SUITES
    [ -f "$kernels/table-$1" ] || return 0
    awk '$6 == "-" {
           sub(/-arm64.*|-rt-arm64|-cloud-arm64/, "", $1)
           if ($1 !~ /-rc/) { match($1, /^[0-9]+\.[0-9]+/)
                              $1 = substr($1, 1, RLENGTH) }
           if (!seen[$1]++) printf "%s%s", n++ ? ", " : "", $1 }' \
        "$kernels/table-$1"
}

# The end of a sentence: what could have been named.
there_is() {
    printf 'Debian 13 and its backports have %s' "$(series_of debian13)"
    for other in sid experimental; do
        offered=$(series_of "$other")
        [ -z "$offered" ] || printf '; %s has %s' "$other" "$offered"
    done
}

flavours() {
    cut -d ' ' -f 3 "$table" | sort -u | tr '\n' ' ' | sed 's/ $//'
}

# --- what a SPEC means --------------------------------------------------------

# SPEC = WORD, VERSION or VERSION-rcN, then perhaps -FLAVOUR: set base, flavour.
parse() { # SPEC
    case $1 in
    '' | *[!A-Za-z0-9.+~-]*)
        die "'$1' is no name of a kernel; use stable, latest, sid," \
            "experimental or a version" ;;
    esac
    base=$(printf '%s\n' "$1" | sed -E -n 's/^([^-]*(-rc[0-9]+)?)(-.*)?$/\1/p')
    flavour=${1#"$base"}
    flavour=${flavour#-}
    flavour=${flavour:-arm64}
    case $base in
    stable | latest | sid | experimental | [0-9]*) ;;
    *) die "'$1' names no kernel of Debian: use stable, latest, sid," \
           "experimental or a version such as 6.12, each perhaps with a" \
           "flavour (stable-16k)" ;;
    esac
}

need_flavour() {
    [ -n "$(select_flavour "$flavour")" ] ||
        die "Debian has no arm64 kernel of the flavour '$flavour';" \
            "there are: $(flavours)"
}

# Write the candidates to kernels/candidates and make their root the present one.
candidates() {
    list=$kernels/candidates
    case $base in
    stable | latest) enter debian13 ;;
    sid | experimental) enter "$base" ;;
    *)
        partial=
        for place in debian13 sid experimental; do
            enter "$place"
            select_flavour "$flavour" | select_version "$base" >"$list.all"
            whole <"$list.all" >"$list"
            [ ! -s "$list" ] || return 0
            partial=${partial:-$(awk 'NR == 1 { print $1, $6 }' "$list.all")}
        done
        # The flavour may be at fault, and not the version.
        enter debian13
        need_flavour
        [ -z "$partial" ] ||
            die "Debian lists the kernel ${partial% *}, but no longer" \
                "${partial#* }, without which it is of no use: $(there_is)"
        die "Debian has no arm64 kernel $base (flavour $flavour): $(there_is)" ;;
    esac
    case $base in
    stable) select_stable "$flavour" >"$list" ;;
    *) select_flavour "$flavour" | whole >"$list" ;;
    esac
    [ ! -s "$list" ] || return 0
    if [ ! -s "$table" ]; then
        enter debian13
        die "Debian's $base holds no arm64 kernel at present: $(there_is)"
    fi
    need_flavour
    die "Debian has no kernel '$base' (flavour $flavour): $(there_is)"
}

# experimental is empty of newer kernels between a release and the first
# candidate of the next one, and its old candidates stay: say so.
compare_with_latest() { # NAME VERSION-OF-PACKAGE
    enter debian13
    newest=$(awk '$3 == "arm64" && $6 == "-" { print $1, $4; exit }' "$table")
    if [ -n "$newest" ] && dpkg --compare-versions "$2" lt "${newest#* }"; then
        warn "$base has no newer kernel than $1 now, which is older than" \
            "${newest% *}, the kernel 'latest'"
    fi
}

# --- getting it ---------------------------------------------------------------

# The packages of one kernel, one set a line, the preferred set first.
package_sets() { # RELEASE
    if known "linux-image-$1"; then
        # What the image package itself wants of the kernel's files; nothing
        # for kernels that are not split.
        parts=$(awk -v p="linux-image-$1" '$2 == p {
            for (i = 4; i <= NF; i++) print $i; exit }' "$packages")
        p=
        for p in $parts; do
            known "$p" || break
            p=
        done
        # shellcheck disable=SC2086  # one word a package
        [ -n "$p" ] || echo "linux-image-$1" $parts
    fi
    for p in "linux-binary-$1" "linux-binary-unsigned-$1"; do
        if known "$p" && known "linux-modules-$1"; then
            echo "$p linux-modules-$1"
        fi
    done
}

fetch_set() { # DIRECTORY VERSION-OF-PACKAGE PACKAGE...
    cd "$1" || return
    package_version=$2
    shift 2
    for p; do
        set -- "$@" "$p:arm64=$package_version"
        shift
    done
    private_apt apt-get download "$@"
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
prepare_modules() { # ROOT MODULES RELEASE
    mkdir -p "$2/lib/modules"
    for f in "$1/usr/lib/modules/$3" "$1/lib/modules/$3"; do
        if [ -d "$f/kernel" ]; then
            mv "$f" "$2/lib/modules/$3"
            break
        fi
    done
    [ -d "$2/lib/modules/$3" ] ||
        die "the packages of kernel $3 hold no modules where Debian used to" \
            "put them"
    find "$2" -name '*.ko.xz' -print0 |
        xargs -0 -r -n 32 -P "$(nproc)" xz -d
    find "$2" -name '*.ko.zst' -print0 |
        xargs -0 -r -n 32 -P "$(nproc)" zstd -q -d --rm
    depmod -b "$2" "$3"
}

find_image() { # ROOT RELEASE
    for f in "$1/boot/vmlinuz-$2" "$1/usr/lib/modules/$2/vmlinuz" \
             "$1/usr/lib/modules/$2/vmlinuz.unsigned"; do
        if [ -f "$f" ]; then
            printf '%s\n' "$f"
            return
        fi
    done
    die "the packages of kernel $2 hold no vmlinuz where Debian used to put it"
}

build_tree() { # DIRECTORY RELEASE
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

# Set "installed" to yes when kernels/NAME is there, made if need be; to gone
# when the archive no longer has its files. A network that is down ends the
# script at the first download: the other ones would fail in the same way.
install_kernel() { # NAME RELEASE VERSION-OF-PACKAGE
    installed=yes
    # Debian may build a kernel again without another name; trees of older
    # checkouts do not say of which build they are.
    if [ -d "$kernels/$1" ]; then
        if [ ! -f "$kernels/$1/package" ] ||
           [ "$(cat "$kernels/$1/package")" = "$3" ]; then
            return
        fi
    fi
    installed=gone
    need_space 1500 "the guest kernel $1"
    new=$kernels/new
    package_sets "$2" >"$kernels/sets"
    while read -r set <&4; do
        rm -rf "$new"
        mkdir -p "$new/download" "$new/root" "$new/tree"
        name=guest-kernel-$1-fetch
        # shellcheck disable=SC2086  # one word a package
        try_logged "$name" "fetching $set" fetch_set "$new/download" "$3" $set
        if [ "$logged_status" -eq 0 ]; then
            try_logged "guest-kernel-$1-unpack" "unpacking the kernel $1" \
                build_tree "$new" "$2"
            [ "$logged_status" -eq 0 ] || unpack_failed "$1"
            printf '%s\n' "$3" >"$new/tree/package"
            rm -rf "$kernels/old"
            [ ! -d "$kernels/$1" ] || mv "$kernels/$1" "$kernels/old"
            mv "$new/tree" "$kernels/$1"
            rm -rf "$new" "$kernels/old"
            installed=yes
            return
        fi
        if ! grep -q ' 404 ' "$log"; then
            rm -rf "$new"
            reason=$(sed -n 's/^E: //p' "$log" | head -n 1)
            die "the kernel $1 could not be fetched; is the network up?" \
                "apt says: ${reason:-nothing} (build/logs/$name.log)"
        fi
        warn "Debian lists $set, but the mirror no longer has it" \
            "(build/logs/$name.log)"
    done 4<"$kernels/sets"
    rm -rf "$new"
}

unpack_failed() { # NAME
    rm -rf "$kernels/new"
    reason=$(sed -n 's/^qemu-rig: error: //p' "$log" | tail -n 1)
    [ -n "$reason" ] || reason=$(tail -n 1 "$log")
    die "unpacking the kernel $1 failed: $reason" \
        "(build/logs/guest-kernel-$1-unpack.log)"
}

# Install the first of at most so many candidates that can be had; set "version"
# to its name, or to nothing when none can.
install_first() { # NUMBER
    version=
    tries=0
    while read -r name release _ package_version _ <&3 &&
          [ "$tries" -lt "$1" ]; do
        tries=$((tries + 1))
        candidate=$name
        package=$package_version
        install_kernel "$candidate" "$release" "$package"
        if [ "$installed" = yes ]; then
            version=$candidate
            return
        fi
    done 3<"$list"
}

resolve() { # SPEC
    # The harness keeps links of the names of other SPECs beside the trees.
    if [ "$base" != "${base#[0-9]}" ] && [ ! -L "$kernels/$1" ] &&
       [ -f "$kernels/$1/Image" ]; then
        version=$1   # a full name; Debian need not have it any more
    else
        candidates
        install_first 1
        if [ -z "$version" ]; then
            # Lists that were read long ago name what the pool has dropped.
            enter "$suites" --refresh
            candidates
            install_first "$max_tries"
        fi
        [ -n "$version" ] ||
            die "Debian lists kernels for '$1', but the mirror has the files of" \
                "none of the newest $tries (build/logs/guest-kernel-*-fetch.log)"
        [ "$tries" -eq 1 ] || warn "taking $version as the kernel '$1'"
    fi
    printf '%s\n' "$version" >"$kernels/$1.version.new"
    mv "$kernels/$1.version.new" "$kernels/$1.version"
}

# Still good: resolved since the package lists were read, and complete (the
# directory appears by rename only).
resolved() { # SPEC
    case $base in
    sid | experimental)
        # These lists are read anew each day.
        ready=$RIG_BUILD/apt-$base/ready
        [ -z "$(find "$ready" -mmin +1440 2>&1)" ] || return 1 ;;
    *) ready=$RIG_BUILD/apt/ready ;;
    esac
    [ -f "$kernels/$1.version" ] &&
        [ -z "$(find "$ready" -newer "$kernels/$1.version" 2>&1)" ] &&
        [ -d "$kernels/$(cat "$kernels/$1.version")" ]
}

[ $# -gt 0 ] ||
    die "usage: guest-kernel.sh stable|latest|sid|experimental|VERSION[-FLAVOUR] ..."
mkdir -p "$kernels"
PATH=$PATH:/sbin:/usr/sbin
for tool in depmod xz flock dpkg-deb; do
    command -v "$tool" >/dev/null ||
        die "$tool is missing: run ./configure, which installs what is needed"
done

# One at a time; the lock goes with the process.
exec 9>"$kernels/lock"
flock 9
for spec; do
    parse "$spec"
    if ! resolved "$spec"; then
        resolve "$spec"
        case $base in
        sid | experimental)
            compare_with_latest "$version" "$package" ;;
        esac
    fi
    version=$(cat "$kernels/$spec.version")
    echo "$spec $version $kernels/$version"
done
