/*
 * Command lines that QEMU refuses, for qtests
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Each case starts QEMU, which must end with status 1 and with a message
 * that names the property and what is allowed.  A second device that does
 * not exist stands behind the refused one: a QEMU that accepts the first
 * ends there, so that a failing case does not hang.
 */
#ifndef RIG_LIBQOS_REFUSAL_H
#define RIG_LIBQOS_REFUSAL_H

#define REFUSAL_WORDS   6

typedef struct Refusal {
    const char *name;
    const char *before;         /* options that are fine */
    const char *device;         /* the argument of -device */
    const char *words[REFUSAL_WORDS];   /* all must be in the message */
} Refusal;

/*
 * refusal_check: one case; the test fails if it is not refused as it should.
 * @machine: options of the machine
 */
void refusal_check(const char *machine, const Refusal *r);

#endif
