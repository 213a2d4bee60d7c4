/*
 * TAP for guest programs in C.
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Print test points with tap_ok(), end main() with "return tap_done();".
 */
#ifndef RIG_TAP_H
#define RIG_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned tap_points, tap_failures;

static void __attribute__((constructor)) tap_start(void)
{
    /* Nothing may be lost when the program hangs or dies. */
    setvbuf(stdout, NULL, _IOLBF, 0);
}

static inline bool __attribute__((format(printf, 2, 3)))
tap_ok(bool passed, const char *format, ...)
{
    va_list args;

    tap_points++;
    tap_failures += !passed;
    printf("%sok %u - ", passed ? "" : "not ", tap_points);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    return passed;
}

static inline void __attribute__((format(printf, 1, 2)))
tap_skip_all(const char *format, ...)
{
    va_list args;

    printf("1..0 # SKIP ");
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    exit(0);
}

static inline int tap_done(void)
{
    printf("1..%u\n", tap_points);
    return tap_failures ? 1 : 0;
}

#endif
