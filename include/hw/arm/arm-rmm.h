/*
 * Realm Management Monitor: the device's type
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * There is one at most: a board or a test that wants to know whether there is
 * one asks QOM for an object of this type. Everything else is private to
 * hw/arm/rmm/; docs/specs/arm-rmm.rst describes properties, QMP and scripts.
 */

#ifndef HW_ARM_ARM_RMM_H
#define HW_ARM_ARM_RMM_H

#include "qom/object.h"

#define TYPE_ARM_RMM "arm-rmm"
OBJECT_DECLARE_SIMPLE_TYPE(ArmRmm, ARM_RMM)

#endif /* HW_ARM_ARM_RMM_H */
