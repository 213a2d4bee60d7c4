/*
 * IPMI BMC with many channels: boot options
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: sec 28.12 to 28.14.
 *
 * Owns: the boot parameters, and when the boot flags lose their valid bit.
 * Called by the chassis and by the boot commands.
 *
 * Life: ipmi_boot_init() before the store loads; ipmi_boot_exit().
 */

#ifndef IPMI_MULTI_BOOT_H
#define IPMI_MULTI_BOOT_H

#include "params.h"
#include "qemu/timer.h"

/* Restart causes (sec 28.11) */
#define IPMI_CAUSE_UNKNOWN      0x0
#define IPMI_CAUSE_CONTROL      0x1
#define IPMI_CAUSE_BUTTON       0x3
#define IPMI_CAUSE_WATCHDOG     0x4
#define IPMI_CAUSE_ALWAYS_ON    0x6
#define IPMI_CAUSE_PREVIOUS     0x7
#define IPMI_CAUSE_SOFT         0xa

typedef struct IPMIBoot {
    QEMUTimer timer;            /* 60 s without chassis control */
    bool seen;                  /* boot flags were there at a boot */
    IPMIParams params;
    uint16_t invalid;           /* bit n: parameter n is marked invalid */
} IPMIBoot;

void ipmi_boot_init(IPMIBoot *b, IPMIParamsDir *dir);
void ipmi_boot_exit(IPMIBoot *b);

/*
 * ipmi_boot_restart: the system restarts, for a reason of IPMI_CAUSE_*.
 * ipmi_boot_control: a Chassis Control came.
 */
void ipmi_boot_restart(IPMIBoot *b, uint8_t cause);
void ipmi_boot_control(IPMIBoot *b);

/*
 * ipmi_boot_set: @data of @len bytes, none to change the mark only. @invalid:
 * mark it so. Returns the completion code.
 * ipmi_boot_is_invalid: is parameter @param marked so?
 */
uint8_t ipmi_boot_set(IPMIBoot *b, uint8_t param, bool invalid,
                      const uint8_t *data, unsigned len);
bool ipmi_boot_is_invalid(const IPMIBoot *b, uint8_t param);

extern const VMStateDescription vmstate_ipmi_boot;

#endif
