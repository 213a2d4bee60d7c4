/*
 * Realm Management Monitor: REC_ENTER
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: RMM 2.0-bet0, sec A4, B4.5.51, B4.6 RmiRecRun; PSCI 1.1.
 *
 * Not modelled: running a realm. REC_ENTER checks everything that it has to
 * check, and then ends with the exit that a policy describes or, by default, as
 * if the realm had called PSCI SYSTEM_OFF at once.
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "cpu.h"
#include "kvm-consts.h"
#include "hw/core/cpu.h"
#include "hw/intc/arm_gicv3_common.h"
#include "cmd.h"
#include "granule.h"
#include "host.h"
#include "memory.h"
#include "policy.h"

#define EXIT_ESR            0x900
#define EXIT_FAR            0x908
#define EXIT_HPFAR          0x910
#define EXIT_CNTP_CTL       0xC00
#define EXIT_CNTP_CVAL      0xC08
#define EXIT_CNTV_CTL       0xC10
#define EXIT_CNTV_CVAL      0xC18
#define EXIT_RIPAS_BASE     0xD00
#define EXIT_RIPAS_TOP      0xD08
#define EXIT_RIPAS_VALUE    0xD10
#define EXIT_IMM            0xE00
#define EXIT_NGPRS          31

#define ESR_EC_DATA_ABORT   0x24
#define ESR_ISV             BIT(24)
#define LR_HW               BIT_ULL(61)     /* ICH_LR<n>_EL2.HW */

/* sec B4.5.51: the host must not give the realm hardware interrupts. */
static bool gic_ok(RmmCall *c)
{
    CPUState *cs = qemu_get_cpu(c->cpu);
    GICv3CPUState *gic = cs ? cpu_env(cs)->gicv3state : NULL;

    for (int i = 0; gic && i < gic->num_list_regs; i++) {
        if (gic->ich_lr_el2[i] & LR_HW) {
            return false;
        }
    }
    return true;
}

static uint64_t may_enter(RmmCall *c, uint64_t flags)
{
    const struct {
        bool ok;
        const char *why;
    } need[] = {
        { !c->rec->running, "REC runs" },
        { c->rec->runnable, "REC is not runnable" },
        { !FIELD_EX64(flags, RMI_ENTER, EMUL_MMIO) || c->rec->emulatable,
          "emul_mmio, but the last exit was no emulatable abort" },
        { gic_ok(c), "a list register has HW set" },
        { !c->rec->psci_pending, "PSCI_COMPLETE is missing" },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(need); i++) {
        if (!need[i].ok) {
            return rmm_refuse(c, RMI_ERROR_REC, need[i].why, c->rec->pa);
        }
    }
    return RMI_SUCCESS;
}

uint64_t rmm_rec_enter_check(RmmCall *c)
{
    uint64_t x0;

    if (!rmm_aligned(c->rmm, c->arg.rec_enter.run) ||
        !rmm_ns_ok(c->rmm, c->arg.rec_enter.run, RMI_RUN_SIZE)) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "run is not aligned, or not "
                          "Non-secure memory", c->arg.rec_enter.run);
    }
    x0 = rmm_check_rec(c, c->arg.rec_enter.rec, &c->rec);
    if (x0) {
        return x0;
    }
    if (c->rec->realm->state != RMM_REALM_ACTIVE) {
        return rmm_refuse(c, RMI_ERROR_REALM, "realm is not ACTIVE",
                          c->rec->realm->state);
    }
    return may_enter(c, rmm_ldq(c->rmm, c->arg.rec_enter.run + RMI_RUN_FLAGS));
}

static void exit_gpr(uint8_t *run, unsigned i, uint64_t val)
{
    stq_le_p(run + RMI_RUN_EXIT_GPRS + i * 8, val);
}

/* What the RMM would remember about the exit */
static void note_exit(RmmRec *rec, const ArmRmmExit *e, const uint64_t *gprs)
{
    switch (e->reason) {
    case RMI_EXIT_SYNC:
        rec->emulatable = extract64(e->esr, 26, 6) == ESR_EC_DATA_ABORT &&
                          (e->esr & ESR_ISV);
        break;
    case RMI_EXIT_PSCI:
        memcpy(rec->ctx.gprs, gprs, 4 * sizeof(*gprs));
        switch ((uint32_t)gprs[0]) {
        case QEMU_PSCI_0_2_FN_CPU_ON:
        case QEMU_PSCI_0_2_FN64_CPU_ON:
        case QEMU_PSCI_0_2_FN_AFFINITY_INFO:
        case QEMU_PSCI_0_2_FN64_AFFINITY_INFO:
            rec->psci_pending = true;
            break;
        case QEMU_PSCI_0_2_FN_CPU_OFF:
            rec->runnable = false;
            break;
        case QEMU_PSCI_0_2_FN_SYSTEM_OFF:
        case QEMU_PSCI_0_2_FN_SYSTEM_RESET:
            rec->realm->state = RMM_REALM_SYSTEM_OFF;
            break;
        }
        break;
    case RMI_EXIT_RIPAS_CHANGE:
        rec->ripas_addr = e->ripas_base;
        rec->ripas_top = e->ripas_top;
        rec->ripas_value = e->ripas_value;
        rec->ripas_destroyed = e->has_ripas_destroyed && e->ripas_destroyed;
        break;
    }
}

static void write_exit(uint8_t *run, const ArmRmmExit *e, const uint64_t *gprs)
{
    const struct {
        unsigned offset;
        uint64_t val;
    } field[] = {
        { RMI_RUN_EXIT_REASON, e->reason },
        { EXIT_ESR, e->esr }, { EXIT_FAR, e->far }, { EXIT_HPFAR, e->hpfar },
        { EXIT_CNTP_CTL, e->cntp_ctl }, { EXIT_CNTP_CVAL, e->cntp_cval },
        { EXIT_CNTV_CTL, e->cntv_ctl }, { EXIT_CNTV_CVAL, e->cntv_cval },
        { EXIT_RIPAS_BASE, e->ripas_base }, { EXIT_RIPAS_TOP, e->ripas_top },
        { EXIT_RIPAS_VALUE, e->ripas_value }, { EXIT_IMM, e->imm },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(field); i++) {
        stq_le_p(run + field[i].offset, field[i].val);
    }
    for (unsigned i = 0; i < EXIT_NGPRS; i++) {
        exit_gpr(run, i, gprs[i]);
    }
}

uint64_t rmm_rec_enter_commit(RmmCall *c)
{
    g_autofree uint8_t *run = g_malloc0(RMI_RUN_SIZE);
    const ArmRmmExit *e = rmm_policy_exit(c);
    ArmRmmExit off = { .reason = RMI_EXIT_PSCI };
    uint64_t gprs[EXIT_NGPRS] = { 0 };
    uint64List *l;
    unsigned n = 0;

    if (!e) {
        e = &off;
        gprs[0] = QEMU_PSCI_0_2_FN_SYSTEM_OFF;
    }
    for (l = e->gprs; l && n < EXIT_NGPRS; l = l->next) {
        gprs[n++] = l->value;
    }
    c->rec->emulatable = false;
    write_exit(run, e, gprs);
    rmm_write(c->rmm, c->arg.rec_enter.run + RMI_RUN_EXIT, run + RMI_RUN_EXIT,
              RMI_RUN_SIZE - RMI_RUN_EXIT);
    note_exit(c->rec, e, gprs);
    return RMI_SUCCESS;
}
