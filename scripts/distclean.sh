#!/bin/sh
# Remove build/ and, if it is a link that lib.sh made, what it points to.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later

. "$(dirname "$0")/lib.sh"

rm -rf "$RIG_BUILD"
rm -rf "$RIG_TOP/build"
