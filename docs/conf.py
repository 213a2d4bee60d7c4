# Sphinx configuration; scripts/docs.sh runs it.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later

project = "qemu-rig"
author = "the qemu-rig authors"
copyright = "2026, the qemu-rig authors"
html_title = "qemu-rig"
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["rig.css"]
html_show_sphinx = False
html_copy_source = False
extensions = ["sphinx.ext.graphviz"]
graphviz_output_format = "svg"
# Most literal blocks are command lines and consoles, none is Python.
highlight_language = "none"
# Command lines must stay what they are: no typographic quotes or dashes.
smartquotes = False
