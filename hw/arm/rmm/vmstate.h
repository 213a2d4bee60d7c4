/*
 * Realm Management Monitor: migration
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns:       the order in which the modules' parts travel.
 * Callers:    the device.
 * Life cycle: none.
 */

#ifndef RMM_VMSTATE_H
#define RMM_VMSTATE_H

extern const VMStateDescription vmstate_arm_rmm;

#endif /* RMM_VMSTATE_H */
