/*
 * TAP for guest programs in C.
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Two kinds of test points: tap_ok() is about the machine, what it did holds on
 * every kernel. tap_kernel() and tap_kernel_open() are about what this kernel
 * made of it; the harness knows what kernels have been seen to do
 * (behaviours/). The text of a point is "WORDS => SEEN (MEASURED)": the words are
 * the same in each run and on each kernel and name the point; what was seen may
 * differ between kernels; what was measured, such as a time, between runs. End
 * main() with "return tap_done();".
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

static inline void tap_point(bool passed, const char *directive,
                             const char *format, va_list args)
{
    tap_points++;
    printf("%sok %u - ", passed ? "" : "not ", tap_points);
    vprintf(format, args);
    printf("%s\n", directive);
}

/* What the machine did */
static inline bool __attribute__((format(printf, 2, 3)))
tap_ok(bool passed, const char *format, ...)
{
    va_list args;

    tap_failures += !passed;
    va_start(args, format);
    tap_point(passed, "", format, args);
    va_end(args);
    return passed;
}

/*
 * What the kernel made of it, where there is a right answer. One that differs is
 * a known behaviour or news; it is no failure of the program.
 */
static inline bool __attribute__((format(printf, 2, 3)))
tap_kernel(bool expected, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    tap_point(expected, " # KERNEL", format, args);
    va_end(args);
    return expected;
}

/* The same where kernels may well differ: what was seen has to be known. */
static inline void __attribute__((format(printf, 1, 2)))
tap_kernel_open(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    tap_point(true, " # KERNEL open", format, args);
    va_end(args);
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
