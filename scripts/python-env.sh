#!/bin/sh
# A Python for QEMU's configure, with a meson that is new enough.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
#
# build/python is a virtual environment over the system's Python. Where the
# system has no meson >= 1.5 (Debian 12), the one of Debian 13 is unpacked from
# its package, which is architecture-independent.

. "$(dirname "$0")/lib.sh"

need=1.5
env=$RIG_BUILD/python
python=/usr/bin/python3
[ -x "$python" ] || python=$(command -v python3)

new_enough() { # PYTHON
    "$1" - "$need" 2>/dev/null <<'EOF'
import sys
from importlib.metadata import version

def parts(text):
    return [int(x) for x in text.split(".")[:2]]

sys.exit(parts(version("meson")) < parts(sys.argv[1]))
EOF
}

if [ -x "$env/bin/python3" ] && new_enough "$env/bin/python3"; then
    exit 0
fi

unpack_meson() {
    rm -rf "$env.debs"
    mkdir -p "$env.debs"
    cd "$env.debs"
    APT_CONFIG=$RIG_BUILD/apt/apt.conf apt-get download meson
    dpkg-deb -x meson_*.deb "$env.new/meson"
    cd "$RIG_TOP"
    rm -rf "$env.debs"
}

rm -rf "$env.new" "$env"
"$python" -m venv --system-site-packages --without-pip "$env.new" ||
    die "cannot make a Python virtual environment: is python3-venv installed?"
if ! new_enough "$env.new/bin/python3"; then
    run_logged meson "fetching Debian 13's meson" unpack_meson
    site=$("$env.new/bin/python3" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    # Into the environment's own directory: the one that QEMU's configure
    # makes on top of ours inherits that, and no .pth file of ours.
    mv "$env.new"/meson/usr/lib/python3/dist-packages/* "$site"
    rm -rf "$env.new/meson"
fi
# A virtual environment may be renamed: our scripts in it are none.
mv "$env.new" "$env"
new_enough "$env/bin/python3" || die "the meson in $env does not work"
