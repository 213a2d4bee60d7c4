#!/bin/sh
# Print what QEMU puts behind its version: qemu-rig and the revision.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Called by QEMU's scripts/qemu-version.sh at each build, by its path in the
# QEMU tree, which is a link to the checkout. Stands alone: no lib.sh.

cd "$(dirname "$0")" || exit 0
# Another user's checkout, or a tarball: no revision, and no failure either.
revision=$(git describe --always --abbrev=12 --match='v[0-9]*' --dirty 2>/dev/null) ||
    revision=
printf 'qemu-rig%s\n' "${revision:+ $revision}"
