/*
 * Realm Management Monitor: granule protection tables
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: Arm ARM (DDI 0487) chapter D9, FEAT_RME.
 *
 * The tables lie in memory of their own, which is part of the Secure address
 * space of the CPUs only; QEMU's walker reads them there as Root. Level 0
 * has an entry for each region of 2^(30 + L0GPTSZ) bytes. Regions without
 * conventional memory are blocks for all Non-secure accesses; the others get a
 * level 1 table with 4 bits for each 4 KiB page. With gpt=host they stay blocks
 * until the host donates the memory for a table.
 *
 * Not modelled: contiguous descriptors (QEMU's TLB would not use them).
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/units.h"
#include "cpu.h"
#include "exec/address-spaces.h"
#include "exec/exec-all.h"
#include "exec/cputlb.h"
#include "exec/memory.h"
#include "migration/vmstate.h"
#include "system/tcg.h"
#include "bank.h"
#include "gpt.h"
#include "trace.h"

/* D9.3: descriptors of the granule protection tables */
#define GPT_BLOCK(gpi)      (1 | (uint64_t)(gpi) << 4)
#define GPT_TABLE(pa)       (3 | (uint64_t)(pa))
#define GPT_TYPE(desc)      ((desc) & 0xf)
#define GPT_TYPE_TABLE      3
#define GPT_TABLE_ADDR(d)   ((d) & MAKE_64BIT_MASK(12, 40))
#define GPT_FILL(gpi)       ((gpi) * 0x11)
#define GPT_PGS             12      /* 4 KiB, whatever the RMI granule is */
#define GPT_PER_ENTRY       16

static const MemTxAttrs root_attrs = { .secure = true, .space = ARMSS_Root };

static uint64_t root_ldq(ArmRmm *rmm, hwaddr pa)
{
    return address_space_ldq_le(&rmm->gpt->root_as, pa, root_attrs, NULL);
}

static void root_stq(ArmRmm *rmm, hwaddr pa, uint64_t val)
{
    address_space_stq_le(&rmm->gpt->root_as, pa, val, root_attrs, NULL);
}

hwaddr rmm_gpt_region_size(ArmRmm *rmm)
{
    return 1ull << (30 + rmm->gpt->l0gptsz);
}

hwaddr rmm_gpt_table_size(ArmRmm *rmm)
{
    return rmm_gpt_region_size(rmm) >> (GPT_PGS + 1);
}

static hwaddr level0_size(ArmRmm *rmm)
{
    return MAX((1ull << rmm->gpt->pps_bits) / rmm_gpt_region_size(rmm) * 8,
               4 * KiB);
}

static hwaddr level0_entry(ArmRmm *rmm, hwaddr pa)
{
    return rmm->gpt->base + pa / rmm_gpt_region_size(rmm) * 8;
}

static bool region_has_memory(ArmRmm *rmm, hwaddr base)
{
    hwaddr size = rmm_gpt_region_size(rmm);

    for (unsigned i = 0; i < rmm->banks->n; i++) {
        if (rmm->banks->bank[i].base < base + size &&
            base < rmm->banks->bank[i].base + rmm->banks->bank[i].size) {
            return true;
        }
    }
    return false;
}

static unsigned count_tables(ArmRmm *rmm)
{
    hwaddr step = rmm_gpt_region_size(rmm);
    unsigned n = 0;

    for (hwaddr pa = 0; pa < rmm_banks_end(rmm); pa += step) {
        n += region_has_memory(rmm, pa);
    }
    return n;
}

bool rmm_gpt_has_table(ArmRmm *rmm, hwaddr pa)
{
    return pa >> rmm->gpt->pps_bits == 0 &&
           GPT_TYPE(root_ldq(rmm, level0_entry(rmm, pa))) == GPT_TYPE_TABLE;
}

/* Address of the level 1 entry of a page, 0 if the region is a block */
static hwaddr level1_entry(ArmRmm *rmm, hwaddr pa)
{
    uint64_t desc = root_ldq(rmm, level0_entry(rmm, pa));
    hwaddr offset = pa & (rmm_gpt_region_size(rmm) - 1);

    if (GPT_TYPE(desc) != GPT_TYPE_TABLE) {
        return 0;
    }
    return GPT_TABLE_ADDR(desc) + (offset >> GPT_PGS) / GPT_PER_ENTRY * 8;
}

unsigned rmm_gpt_get(ArmRmm *rmm, hwaddr pa)
{
    hwaddr entry;

    if (pa >> rmm->gpt->pps_bits) {
        return RMM_GPI_NS;
    }
    entry = level1_entry(rmm, pa);
    if (!entry) {
        return extract64(root_ldq(rmm, level0_entry(rmm, pa)), 4, 4);
    }
    return extract64(root_ldq(rmm, entry),
                     (pa >> GPT_PGS) % GPT_PER_ENTRY * 4, 4);
}

/* Pages within one entry */
static void set_nibbles(ArmRmm *rmm, hwaddr entry, unsigned first,
                        unsigned n, unsigned gpi)
{
    uint64_t val = root_ldq(rmm, entry);

    for (unsigned i = first; i < first + n; i++) {
        val = deposit64(val, i * 4, 4, gpi);
    }
    root_stq(rmm, entry, val);
}

/* Pages within one region */
static void set_pages(ArmRmm *rmm, hwaddr pa, uint64_t pages, unsigned gpi)
{
    hwaddr entry = level1_entry(rmm, pa);
    unsigned first = (pa >> GPT_PGS) % GPT_PER_ENTRY;
    uint64_t n;

    if (!entry) {
        return;
    }
    if (first) {
        n = MIN(pages, GPT_PER_ENTRY - first);
        set_nibbles(rmm, entry, first, n, gpi);
        pages -= n;
        entry += 8;
    }
    n = pages / GPT_PER_ENTRY;
    if (n) {
        address_space_set(&rmm->gpt->root_as, entry, GPT_FILL(gpi), n * 8,
                          root_attrs);
        entry += n * 8;
    }
    if (pages % GPT_PER_ENTRY) {
        set_nibbles(rmm, entry, 0, pages % GPT_PER_ENTRY, gpi);
    }
}

void rmm_gpt_set(ArmRmm *rmm, hwaddr base, hwaddr size, unsigned gpi)
{
    hwaddr step = rmm_gpt_region_size(rmm);

    trace_arm_rmm_gpt_set(base, size, gpi);
    while (size) {
        hwaddr part = MIN(size, step - (base & (step - 1)));

        set_pages(rmm, base, part >> GPT_PGS, gpi);
        base += part;
        size -= part;
    }
    rmm->gpt->flush = true;
}

void rmm_gpt_add_table(ArmRmm *rmm, hwaddr pa, hwaddr table)
{
    uint64_t desc = root_ldq(rmm, level0_entry(rmm, pa));

    address_space_set(&rmm->gpt->root_as, table,
                      GPT_FILL(extract64(desc, 4, 4)), rmm_gpt_table_size(rmm),
                      root_attrs);
    root_stq(rmm, level0_entry(rmm, pa), GPT_TABLE(table));
    rmm->gpt->flush = true;
}

unsigned rmm_gpt_host_tables(ArmRmm *rmm)
{
    hwaddr step = rmm_gpt_region_size(rmm);
    unsigned n = 0;

    if (rmm->config.gpt_owner == ARM_RMM_OWNER_PLATFORM) {
        return 0;
    }
    for (hwaddr pa = 0; pa < rmm_banks_end(rmm); pa += step) {
        n += rmm_gpt_has_table(rmm, pa);
    }
    return n;
}

hwaddr rmm_gpt_table(ArmRmm *rmm, hwaddr pa)
{
    return GPT_TABLE_ADDR(root_ldq(rmm, level0_entry(rmm, pa)));
}

void rmm_gpt_remove_table(ArmRmm *rmm, hwaddr pa)
{
    root_stq(rmm, level0_entry(rmm, pa), GPT_BLOCK(RMM_GPI_NS));
    rmm->gpt->flush = true;
}

/*
 * Once for each call that changed the tables. The call returns to its caller
 * only when every CPU has flushed.
 */
void rmm_gpt_flush(ArmRmm *rmm, CPUState *cs)
{
    if (!rmm->gpt->flush) {
        return;
    }
    rmm->gpt->flush = false;
    rmm->gpt->flushes++;
    if (tcg_enabled() && cs) {
        trace_arm_rmm_gpt_flush(cs->cpu_index);
        tlb_flush_all_cpus_synced(cs);
    }
}

void rmm_gpt_reset(ArmRmm *rmm)
{
    hwaddr step = rmm_gpt_region_size(rmm);
    hwaddr table = rmm->gpt->base + level0_size(rmm);
    uint64_t n = level0_size(rmm) / 8;
    uint64_t *entry = memory_region_get_ram_ptr(&rmm->gpt->mr);

    for (uint64_t i = 0; i < n; i++) {
        entry[i] = cpu_to_le64(GPT_BLOCK(RMM_GPI_NS));
    }
    memory_region_set_dirty(&rmm->gpt->mr, 0, level0_size(rmm));
    if (rmm->config.gpt_owner == ARM_RMM_OWNER_PLATFORM) {
        for (hwaddr pa = 0; pa < rmm_banks_end(rmm); pa += step) {
            if (region_has_memory(rmm, pa)) {
                rmm_gpt_add_table(rmm, pa, ROUND_UP(table,
                                                 rmm_gpt_table_size(rmm)));
                table += rmm_gpt_table_size(rmm);
            }
        }
    }
    rmm->gpt->flush = false;
    rmm->gpt->flushes = 0;
}

void rmm_gpt_new(ArmRmm *rmm)
{
    rmm->gpt = g_new0(RmmGpt, 1);
    rmm->gpt->root_mr = MEMORY_REGION(object_property_get_link(
        OBJECT(first_cpu), "secure-memory", &error_abort));
    address_space_init(&rmm->gpt->root_as, rmm->gpt->root_mr, "arm-rmm");
}

/* What the CPU has, and what the tables can cover of it */
static bool read_sizes(ArmRmm *rmm, ARMCPU *cpu, Error **errp)
{
    static const uint8_t pa_bits[] = { 32, 36, 40, 42, 44, 48, 52 };
    unsigned parange = FIELD_EX64(cpu->isar.id_aa64mmfr0, ID_AA64MMFR0,
                                  PARANGE);
    RmmGpt *gpt = rmm->gpt;

    gpt->pa_bits = pa_bits[MIN(parange, 6)];
    gpt->pps = MIN(parange, 5);
    gpt->pps_bits = pa_bits[gpt->pps];
    gpt->l0gptsz = cpu->reset_l0gptsz;
    if (rmm_banks_end(rmm) >> gpt->pps_bits) {
        error_setg(errp, "arm-rmm: memory ends at 0x%" HWADDR_PRIx ", behind "
                   "the %u bits that granule protection tables can cover",
                   rmm_banks_end(rmm), gpt->pps_bits);
        return false;
    }
    return true;
}

bool rmm_gpt_init(ArmRmm *rmm, ARMCPU *cpu, Error **errp)
{
    RmmGpt *gpt = rmm->gpt;
    MemoryRegionSection found;

    if (!read_sizes(rmm, cpu, errp)) {
        return false;
    }
    gpt->size = level0_size(rmm) + rmm_gpt_table_size(rmm) *
                (count_tables(rmm) + 1);
    gpt->size = pow2ceil(MAX(gpt->size, 1 * MiB));
    gpt->base = (1ull << gpt->pps_bits) - gpt->size;
    found = memory_region_find(gpt->root_mr, gpt->base, gpt->size);
    if (found.mr) {
        memory_region_unref(found.mr);
        error_setg(errp, "arm-rmm: 0x%" HWADDR_PRIx ", where the granule "
                   "protection tables belong, is taken", gpt->base);
        return false;
    }
    if (!memory_region_init_ram(&gpt->mr, OBJECT(rmm), "arm-rmm.gpt",
                                gpt->size, errp)) {
        return false;
    }
    memory_region_add_subregion_overlap(gpt->root_mr, gpt->base, &gpt->mr, 1);
    return true;
}

/* D24.2: GPCCR_EL3 and GPTBR_EL3 */
void rmm_gpt_setup_cpu(ArmRmm *rmm, CPUState *cs)
{
    CPUARMState *env = cpu_env(cs);
    uint64_t val = env->cp15.gpccr_el3;

    val = FIELD_DP64(val, GPCCR, PPS, rmm->gpt->pps);
    val = FIELD_DP64(val, GPCCR, IRGN, 1);
    val = FIELD_DP64(val, GPCCR, ORGN, 1);
    val = FIELD_DP64(val, GPCCR, SH, 3);
    val = FIELD_DP64(val, GPCCR, PGS, 0);
    val = FIELD_DP64(val, GPCCR, GPC, rmm->config.gpc);
    env->cp15.gpccr_el3 = val;
    env->cp15.gptbr_el3 = rmm->gpt->base >> 12;
}

const VMStateDescription vmstate_rmm_gpt = {
    .name = "arm-rmm/gpt",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT64(flushes, RmmGpt),
        VMSTATE_END_OF_LIST()
    },
};
