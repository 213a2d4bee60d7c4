# Sphinx configuration; scripts/docs.sh runs it.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later

project = "qemu-rig"
author = "the qemu-rig authors"
copyright = "2026, the qemu-rig authors"
html_theme = "alabaster"
html_show_sphinx = False
# Command lines must stay what they are: no typographic quotes or dashes.
smartquotes = False
