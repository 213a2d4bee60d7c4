/*
 * rig-hostcall: a guest program asks the host, and no time passes meanwhile
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The register map, for the device, its test and the guests' programs alike;
 * docs/system/devices/rig-hostcall.rst describes it. All registers are 32 bits
 * wide and little endian; the two buffers hold bytes and may be accessed in
 * any width up to 8.
 */

#ifndef HW_RIG_HOSTCALL_H
#define HW_RIG_HOSTCALL_H

#define TYPE_RIG_HOSTCALL           "rig-hostcall"
#define RIG_HOSTCALL_VENDOR_ID      0x1af4
#define RIG_HOSTCALL_DEVICE_ID      0x10f8

#define RIG_HOSTCALL_ID             0x00    /* RO: RIG_HOSTCALL_MAGIC */
#define RIG_HOSTCALL_SEND           0x04    /* WO: bytes of the question */
#define RIG_HOSTCALL_WAIT           0x08    /* RO: a state; waits for it */
#define RIG_HOSTCALL_LENGTH         0x0c    /* RO: bytes of the answer */
#define RIG_HOSTCALL_QUESTION       0x1000
#define RIG_HOSTCALL_ANSWER         0x4000
#define RIG_HOSTCALL_BAR_SIZE       0x8000

#define RIG_HOSTCALL_MAGIC          0x48474952  /* "RIGH" */
#define RIG_HOSTCALL_QUESTION_MAX   0x1000
#define RIG_HOSTCALL_ANSWER_MAX     0x4000

/* What WAIT reads as */
#define RIG_HOSTCALL_ASKED          0   /* no answer yet: read it again */
#define RIG_HOSTCALL_ANSWERED       1
#define RIG_HOSTCALL_NOBODY         2   /* no host behind it, or not any more */
#define RIG_HOSTCALL_IDLE           3   /* nothing has been asked */
#define RIG_HOSTCALL_TOO_LONG       4   /* the answer did not fit */
#define RIG_HOSTCALL_REFUSED        5   /* the host said no, and why */
#define RIG_HOSTCALL_INVALID        6   /* the question is no line of text */

#endif
