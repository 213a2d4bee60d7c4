/*
 * Realm Management Monitor: the one RMM of a machine
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "rmm.h"

static ArmRmm *the_rmm;

ArmRmm *rmm_get(void)
{
    return the_rmm;
}

void rmm_set(ArmRmm *rmm)
{
    the_rmm = rmm;
}
