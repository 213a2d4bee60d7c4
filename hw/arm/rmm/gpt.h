/*
 * Realm Management Monitor: granule protection tables
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns:       the tables that QEMU's FEAT_RME walker reads, the address space
 *             of the root world in which they lie, sizes of physical addresses.
 * Callers:    the ledger (rmm_gpt_set), GPT_L1_* (tables), the EL3 side (CPUs,
 *             TLB maintenance), DMA checks (rmm_gpt_get).
 * Life cycle: memory for them when the machine is complete; after reset
 *             everything is Non-secure. They are RAM, and migrate as such.
 */

#ifndef RMM_GPT_H
#define RMM_GPT_H

#include "call.h"
#include "exec/memory.h"
#include "target/arm/cpu-qom.h"

/* Arm ARM D9.3: granule protection information */
#define RMM_GPI_NONE    0x0
#define RMM_GPI_SECURE  0x8
#define RMM_GPI_NS      0x9
#define RMM_GPI_ROOT    0xa
#define RMM_GPI_REALM   0xb
#define RMM_GPI_ANY     0xf

struct RmmGpt {
    MemoryRegion *root_mr;
    AddressSpace root_as;
    MemoryRegion mr;
    hwaddr base;
    hwaddr size;
    unsigned pa_bits;               /* of the CPU */
    unsigned pps;                   /* protected: GPCCR_EL3.PPS */
    unsigned pps_bits;
    unsigned l0gptsz;
    bool flush;                     /* something was taken away */
    uint64_t flushes;               /* since reset */
};

/** rmm_gpt_new: the root world's address space; from realize */
void rmm_gpt_new(ArmRmm *rmm);

/** rmm_gpt_init: make room for the tables, once the memory is known */
bool rmm_gpt_init(ArmRmm *rmm, ARMCPU *cpu, Error **errp);

/** rmm_gpt_reset: everything Non-secure, the tables themselves excepted */
void rmm_gpt_reset(ArmRmm *rmm);

/** rmm_gpt_setup_cpu: let a CPU use the tables */
void rmm_gpt_setup_cpu(ArmRmm *rmm, CPUState *cs);

/** rmm_gpt_set: give a range of memory that has tables to another space */
void rmm_gpt_set(ArmRmm *rmm, hwaddr base, hwaddr size, unsigned gpi);

/** rmm_gpt_get: granule protection information of an address */
unsigned rmm_gpt_get(ArmRmm *rmm, hwaddr pa);

/** rmm_gpt_has_table: is there a level 1 table for an address? */
bool rmm_gpt_has_table(ArmRmm *rmm, hwaddr pa);

/** rmm_gpt_add_table: link a level 1 table of the host's memory */
void rmm_gpt_add_table(ArmRmm *rmm, hwaddr pa, hwaddr table);

/** rmm_gpt_host_tables: level 1 tables that the host made for its memory */
unsigned rmm_gpt_host_tables(ArmRmm *rmm);

/** rmm_gpt_table: level 1 table of an address that has one */
hwaddr rmm_gpt_table(ArmRmm *rmm, hwaddr pa);

/** rmm_gpt_remove_table: make it a block again */
void rmm_gpt_remove_table(ArmRmm *rmm, hwaddr pa);

/**
 * rmm_gpt_flush: end the TLB maintenance that changes made due, if any
 * @cs: the CPU that calls, or NULL
 */
void rmm_gpt_flush(ArmRmm *rmm, CPUState *cs);

/** rmm_gpt_region_size: bytes that an entry of level 0 covers */
hwaddr rmm_gpt_region_size(ArmRmm *rmm);

/** rmm_gpt_table_size: bytes of a level 1 table */
hwaddr rmm_gpt_table_size(ArmRmm *rmm);

extern const VMStateDescription vmstate_rmm_gpt;

#endif /* RMM_GPT_H */
