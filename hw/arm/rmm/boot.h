/*
 * Realm Management Monitor: start a payload at Non-secure EL2
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns:       what bl33=, bl33-address= and bl33-entry= ask for.
 * Callers:    the device.
 * Life cycle: prepared in realize, loaded when the machine is complete, started
 *             by each reset.
 */

#ifndef RMM_BOOT_H
#define RMM_BOOT_H

#include "rmm.h"

/** rmm_boot_prepare: set the CPUs up for a payload that starts at EL2 */
bool rmm_boot_prepare(ArmRmm *rmm, Error **errp);

/** rmm_boot_load: load the payload; once the machine is complete */
void rmm_boot_load(ArmRmm *rmm);

/** rmm_boot_reset: start the payload on the first CPU */
void rmm_boot_reset(ArmRmm *rmm);

#endif /* RMM_BOOT_H */
