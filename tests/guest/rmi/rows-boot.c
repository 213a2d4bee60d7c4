/*
 * Courses: boot
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "rows.h"

const Course boot_courses[] = { { .name = NULL } };
