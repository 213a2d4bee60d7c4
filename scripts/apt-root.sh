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
# With --suite=sid or --suite=experimental the same for that suite alone, arm64
# binary packages only, in build/apt-sid or build/apt-experimental. Guest kernels
# come from there. A root of its own, and not a suite more in build/apt: whatever
# is asked of build/apt cannot be answered with a package of sid, whoever uses
# neither reads no lists of theirs, and a mirror without them does no harm.
# These suites move; their lists are read anew when they are older than a day,
# and kept if that does not succeed.
#
# usage: apt-root.sh [--refresh] [--mirror=URI] [--suite=SUITE]

. "$(dirname "$0")/lib.sh"

refresh=no
mirror=
suite=
for arg; do
    case $arg in
    --refresh) refresh=yes ;;
    --mirror=*) mirror=${arg#*=} ;;
    --suite=sid | --suite=experimental) suite=${arg#*=} ;;
    *) die "apt-root.sh: unknown option '$arg'" ;;
    esac
done

if [ -n "$suite" ]; then
    suites=$suite
    types=deb
    whose="Debian's $suite"
    root=$RIG_BUILD/apt-$suite
    log_name=apt-update-$suite
    space=200
else
    suites="trixie trixie-updates trixie-backports"
    types="deb deb-src"
    whose="Debian 13"
    root=$RIG_BUILD/apt
    log_name=apt-update
    space=500
fi
update_log=$RIG_BUILD/logs/$log_name.log
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
listed=$archs
[ -z "$suite" ] || listed=arm64

write_root() {
    mkdir -p "$root/etc/sources.list.d" "$root/etc/preferences.d" \
        "$root/state/lists/partial" "$root/cache/archives/partial"
    : >"$root/status"
    cat >"$root/etc/sources.list.d/rig.sources" <<EOF
Types: $types
URIs: $mirror
Suites: $suites
Components: main
Architectures: $listed
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
Acquire::Retries "2";
Acquire::http::Timeout "15";
EOF
    mv "$root/apt.conf.new" "$root/apt.conf"
}

# One line for the user, whatever apt said.
why_not() {
    if grep -q -e ' 404 ' -e 'does not have a Release file' "$update_log"; then
        echo "$mirror does not have $suites"
    elif grep -q -e '^Err:.* InRelease' "$update_log"; then
        echo "$mirror does not answer; is the network up?"
    else
        sed -n 's/^E: //p' "$update_log" | head -n 1
    fi
}

key="$mirror|$suites|$archs|$RIG_BUILD"
stale=no
if [ "$refresh" = no ] && [ "$(cat "$root/ready" 2>/dev/null)" = "$key" ]; then
    if [ -z "$suite" ] || [ -z "$(find "$root/ready" -mmin +1440)" ]; then
        exit 0
    fi
    stale=yes
fi
need_space "$space" "the private apt root"
[ "$stale" = yes ] || rm -f "$root/ready"
write_root
try_logged "$log_name" "reading the package lists of $whose" \
    env APT_CONFIG="$root/apt.conf" apt-get update -o APT::Update::Error-Mode=any
# shellcheck disable=SC2154  # set by try_logged
if [ "$logged_status" -ne 0 ]; then
    [ "$stale" = yes ] ||
        die "reading the package lists of $whose failed: $(why_not)" \
            "(build/logs/$log_name.log)"
    warn "keeping the package lists of $whose as they are: $(why_not)"
    exit 0
fi
printf %s "$key" >"$root/ready"
