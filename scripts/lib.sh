# Shared by every script of the repository; to be sourced, not run.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
#
# After sourcing:
#   RIG_TOP    the checkout
#   RIG_BUILD  the build directory: a path without spaces, also when the
#              checkout's own path has some
#   say, warn, die, run_logged, try_logged, need_space

set -eu
LC_ALL=C.UTF-8
export LC_ALL
unset CDPATH

RIG_TOP=$(cd "$(dirname "$0")" && pwd)
while [ ! -f "$RIG_TOP/scripts/lib.sh" ]; do
    [ "$RIG_TOP" != / ] || { echo "qemu-rig: cannot find the checkout" >&2; exit 1; }
    RIG_TOP=$(dirname "$RIG_TOP")
done

say()  { printf '%s\n' "qemu-rig: $*"; }
warn() { printf '%s\n' "qemu-rig: warning: $*" >&2; }
die()  { printf '%s\n' "qemu-rig: error: $*" >&2; exit 1; }

# QEMU refuses to be built in a directory with a space or a colon in its path.
# Then build/ becomes a link to a directory of its own in the user's cache.
rig_cache=${XDG_CACHE_HOME:-${HOME-}/.cache}/qemu-rig

rig_link_build() {
    case $rig_cache in
    *[[:space:]:]*)
        die "neither the checkout nor $rig_cache has a path without spaces:" \
            "set XDG_CACHE_HOME to a directory that has" ;;
    esac
    dir=$rig_cache/$(printf %s "$RIG_TOP" | cksum | tr ' ' -)
    # A copy of a checkout has a link to the original's directory.
    case $(readlink "$RIG_TOP/build") in
    "$dir") [ ! -d "$dir" ] || return 0 ;;
    "$rig_cache"/*) rm -f "$RIG_TOP/build" ;;
    esac
    [ ! -d "$RIG_TOP/build" ] || return 0
    rm -f "$RIG_TOP/build"
    mkdir -p "$dir" && ln -s "$dir" "$RIG_TOP/build"
}

rig_build_dir() {
    owner=$(stat -c %U "$RIG_TOP")
    [ -d "$RIG_TOP/build" ] || [ -w "$RIG_TOP" ] ||
        die "$RIG_TOP belongs to $owner and cannot be written: make a clone of" \
            "your own, git clone '$RIG_TOP'"
    case $RIG_TOP in
    *[[:space:]:]*) rig_link_build ;;
    *) mkdir -p "$RIG_TOP/build" ;;
    esac
    [ -w "$RIG_TOP/build" ] ||
        die "$RIG_TOP/build belongs to $(stat -L -c %U "$RIG_TOP/build") and cannot" \
            "be written: make a clone of your own, git clone '$RIG_TOP'"
    (cd "$RIG_TOP/build" && pwd -P)
}
RIG_BUILD=$(rig_build_dir)
mkdir -p "$RIG_BUILD/logs"
# Our own user's apt settings never apply; scripts name the private root.
unset APT_CONFIG

elapsed() { # seconds
    printf '%d:%02d' $(($1 / 60)) $(($1 % 60))
}

# The last thing worth showing in a log: ninja's "[n/m]", or the last line.
last_progress() { # log
    tail -c 2000 "$1" 2>/dev/null | tr '\r' '\n' | sed -n 's/[[:cntrl:]]//g;/./p' |
        tail -n 1 | cut -c 1-60
}

# try_logged NAME WHAT COMMAND...: run COMMAND with its output in
# logs/NAME.log, show what goes on, how far it is and for how long. Its status
# is in $logged_status afterwards; a failure prints nothing. Not a status of
# this function: "if try_logged" would switch off COMMAND's own "set -e".
try_logged() {
    log=$RIG_BUILD/logs/$1.log
    what=$2
    shift 2
    mkdir -p "$(dirname "$log")"
    start=$(date +%s)
    shown=$start
    "$@" >"$log" 2>&1 </dev/null &
    pid=$!
    trap 'kill "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; exit 130' INT TERM
    if [ ! -t 1 ]; then
        say "$what (log: build/logs/${log##*/logs/})"
    fi
    while kill -0 "$pid" 2>/dev/null; do
        sleep 0.2
        now=$(date +%s)
        if [ -t 1 ]; then
            printf '\r\033[Kqemu-rig: %s  %s  %s' "$what" \
                "$(elapsed $((now - start)))" "$(last_progress "$log")"
        elif [ $((now - shown)) -ge 30 ]; then
            shown=$now
            say "  $what: $(elapsed $((now - start)))  $(last_progress "$log")"
        fi
    done
    logged_status=0
    wait "$pid" || logged_status=$?
    trap - INT TERM
    now=$(date +%s)
    if [ -t 1 ]; then
        printf '\r\033[K'
    fi
    [ "$logged_status" -ne 0 ] ||
        say "$what: done in $(elapsed $((now - start)))"
}

# The same; a failure ends the script and names the log.
run_logged() {
    try_logged "$@"
    if [ "$logged_status" -ne 0 ]; then
        tail -n 25 "$log" >&2
        die "$what failed after $(elapsed $((now - start)));" \
            "everything it printed: $log"
    fi
}

# need_space MIB WHAT: refuse before the disk is full, not after.
need_space() {
    free=$(df -Pk "$RIG_BUILD" | awk 'NR == 2 { print int($4 / 1024) }')
    [ "$free" -ge "$1" ] ||
        die "$2 needs $1 MiB in $RIG_BUILD, and $free MiB are free there:" \
            "make room, or let build/ be a link to a larger disk"
}
