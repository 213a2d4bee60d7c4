#!/bin/sh
# Make (or mend) the private apt root in build/apt.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The user's sources and keyring stay as they are. The private root knows
# Debian 13 with its backports, source packages included, for the machine's own
# architecture and for arm64, from the mirror that the machine uses already.
# Use:  APT_CONFIG=build/apt/apt.conf apt-get ...
#
# usage: apt-root.sh [--refresh] [--mirror=URI]

. "$(dirname "$0")/lib.sh"

refresh=no
mirror=
for arg; do
    case $arg in
    --refresh) refresh=yes ;;
    --mirror=*) mirror=${arg#*=} ;;
    *) die "apt-root.sh: unknown option '$arg'" ;;
    esac
done

suites="trixie trixie-updates trixie-backports"
root=$RIG_BUILD/apt
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

command -v apt-get >/dev/null ||
    die "apt-get is missing: qemu-rig sets itself up on Debian 12 or 13"
[ -f "$keyring" ] ||
    die "$keyring is missing: install the package debian-archive-keyring"

# The first Debian archive among the machine's own sources that is not the
# security one; RELEASE names the suite, so that other vendors do not match.
machine_mirror() {
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' \
            'Identifier: Packages' 2>/dev/null |
        awk '$2 ~ /^(bookworm|trixie|forky|sid|oldstable|stable|testing|unstable)(-updates|-backports)?$/ &&
             $3 == "main" && $1 !~ /security/ { print $1; exit }'
}

# A mirror that was named once stays, for the scripts that come later.
named=$RIG_BUILD/mirror
if [ -n "$mirror" ]; then
    printf '%s\n' "$mirror" >"$named"
elif [ -f "$named" ]; then
    mirror=$(cat "$named")
else
    mirror=$(machine_mirror)
fi
[ -n "$mirror" ] ||
    die "no Debian mirror among this machine's apt sources: name one with" \
        "./configure --mirror=URI"

host_arch=$(dpkg --print-architecture)
archs=$host_arch
[ "$host_arch" = arm64 ] || archs="$host_arch arm64"

write_root() {
    mkdir -p "$root/etc/sources.list.d" "$root/etc/preferences.d" \
        "$root/state/lists/partial" "$root/cache/archives/partial"
    : >"$root/status"
    cat >"$root/etc/sources.list.d/rig.sources" <<EOF
Types: deb deb-src
URIs: $mirror
Suites: $suites
Components: main
Architectures: $archs
Signed-By: $keyring
EOF
    cat >"$root/apt.conf.new" <<EOF
Dir::Etc::SourceList "/dev/null";
Dir::Etc::SourceParts "$root/etc/sources.list.d";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "$root/etc/preferences.d";
Dir::State "$root/state";
Dir::State::status "$root/status";
Dir::Cache "$root/cache";
APT::Architectures { $(printf '"%s"; ' $archs)};
APT::Sandbox::User "";
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::Retries "3";
EOF
    mv "$root/apt.conf.new" "$root/apt.conf"
}

key="$mirror|$suites|$archs|$RIG_BUILD"
if [ "$refresh" = no ] && [ "$(cat "$root/ready" 2>/dev/null)" = "$key" ]; then
    exit 0
fi
need_space 500 "the private apt root"
rm -f "$root/ready"
write_root
run_logged apt-update "reading the package lists of Debian 13" \
    env APT_CONFIG="$root/apt.conf" apt-get update -o APT::Update::Error-Mode=any
printf %s "$key" >"$root/ready"
