#!/bin/sh
# make docs: the documentation as HTML in build/docs.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A warning is an error: a link to a page that is not there, a page that no
# index names, markup that does not parse.

. "$(dirname "$0")/lib.sh"

out=$RIG_BUILD/docs

"$RIG_TOP/scripts/host-packages.sh" python3-sphinx furo graphviz
# Prepared beside, then renamed: a failure leaves the pages that were there.
rm -rf "$out.new"
run_logged docs "making the documentation" \
    sphinx-build -q -W --keep-going -n -b html -d "$out.new/.doctrees" \
    "$RIG_TOP/docs" "$out.new/html"
rm -rf "$out"
mv "$out.new/html" "$out"
rm -rf "$out.new"
say "documentation: build/docs/index.html"
