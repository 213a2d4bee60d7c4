/*
 * Realm Management Monitor: granule protection for DMA
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns:       the address spaces that devices get in place of memory.
 * Callers:    the device. Everything else comes from QEMU's devices.
 * Life cycle: from the completion of the machine to its end.
 */

#ifndef RMM_DMA_H
#define RMM_DMA_H

#include "rmm.h"

/** rmm_dma_init: let devices meet the tables; once the machine is complete */
void rmm_dma_init(ArmRmm *rmm);

#endif /* RMM_DMA_H */
