# Exit statuses, for scripts.
#
# Copyright (c) 2026 the qemu-rig authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/user-guide.rst tells them to the user."""

PASSED = 0
FAILED = 1          # a test failed
USAGE = 2           # the command line, or a file that it names, is wrong
UNUSABLE = 3        # the kernel did not boot, panicked or hung
SETUP = 4           # packages, network, disk, build
# Nothing failed and nothing passed: the kernel lacks what every test needs. Only
# git bisect is told; for everybody else it is FAILED.
SKIPPED = 125
STOP_BISECT = 129
